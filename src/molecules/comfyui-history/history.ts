import type { HttpText } from '../../atoms/http/http.ts';
import { parseLenientJson, stringifyJson } from '../../atoms/json/json.ts';
import { limits } from '../../constants/limits.ts';
import { fail } from '../../core/errors.ts';
import { upstreamFailure, upstreamStatus } from '../../core/http-failure.ts';
import { HistoryEntry } from '../../models/comfyui.ts';
import type { Instance } from '../../models/instance.ts';
import { Histories } from './wire.ts';

/** Reads what ComfyUI remembers of prompts that ended (GET /history/{id}). */
export class ComfyuiHistory {
  readonly #http: HttpText;
  readonly #timeoutMs: number;

  constructor(http: HttpText, options: { timeoutMs: number }) {
    this.#http = http;
    this.#timeoutMs = options.timeoutMs;
  }

  /** The entry, digits kept; undefined while the prompt waits or runs, and when the instance does not know it. */
  async entry(instance: Instance, promptId: string, signal: AbortSignal): Promise<HistoryEntry | undefined> {
    const request = { method: 'GET', url: `${instance.url}/history/${encodeURIComponent(promptId)}`, headers: instance.headers, timeoutMs: this.#timeoutMs, maxBytes: limits.upstreamJsonBytes } as const;
    const answer = await this.#http.request(request, signal).catch((error: unknown) => {
      throw upstreamFailure(instance.name, error);
    });
    if (answer.status !== 200) throw upstreamStatus(instance.name, 'GET /history', answer);
    const histories = Histories.safeParse(parse(answer.text, instance));
    if (!histories.success) throw fail('UPSTREAM_ERROR', `instance ${instance.name} answered GET /history with something else than a history.`);
    return Object.hasOwn(histories.data, promptId) ? histories.data[promptId] : undefined;
  }

  /** The entry as text to keep; without its graph when it is too large, without anything but its status when it is nested too deep. */
  serialize(entry: HistoryEntry): string {
    try {
      const text = stringifyJson(entry);
      return text.length <= limits.storedHistoryBytes ? text : stringifyJson({ ...entry, prompt: [] });
    } catch (error) {
      if (!(error instanceof RangeError)) throw error;
      return stringifyJson({ prompt: [], outputs: {}, status: entry.status && { status_str: entry.status.status_str, completed: entry.status.completed, messages: [] } });
    }
  }

  /** What `serialize` wrote. */
  parse(text: string): HistoryEntry {
    return HistoryEntry.parse(parseLenientJson(text));
  }
}

function parse(text: string, instance: Instance): unknown {
  try {
    return parseLenientJson(text);
  } catch (error) {
    throw fail('UPSTREAM_ERROR', `instance ${instance.name} answered GET /history with something else than JSON.`, { cause: error });
  }
}
