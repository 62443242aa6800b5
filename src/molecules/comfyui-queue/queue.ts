import type { HttpText } from '../../atoms/http/http.ts';
import { parseLenientJson, stringifyJson } from '../../atoms/json/json.ts';
import { limits } from '../../constants/limits.ts';
import { fail } from '../../core/errors.ts';
import { upstreamFailure, upstreamStatus } from '../../core/http-failure.ts';
import type { QueueSnapshot } from '../../models/comfyui.ts';
import type { Instance } from '../../models/instance.ts';
import { Queue } from './wire.ts';

/** Looks into the queue of an instance and takes prompts out of it (GET and POST /queue, POST /interrupt). */
export class ComfyuiQueue {
  readonly #http: HttpText;
  readonly #timeoutMs: number;
  readonly #asking = new Map<string, Promise<QueueSnapshot>>();

  constructor(http: HttpText, options: { timeoutMs: number }) {
    this.#http = http;
    this.#timeoutMs = options.timeoutMs;
  }

  /** What runs and waits now. Throws CONNECTION_ERROR, for no answer within `patience` milliseconds too, or UPSTREAM_ERROR. */
  async snapshot(instance: Instance, signal: AbortSignal, patience = this.#timeoutMs): Promise<QueueSnapshot> {
    const text = await this.#call(instance, { method: 'GET', path: '/queue', patience }, signal);
    const parsed = Queue.safeParse(parse(text, instance));
    if (!parsed.success) throw fail('UPSTREAM_ERROR', `instance ${instance.name} answered GET /queue with something else than a queue.`);
    const pending = parsed.data.queue_pending.toSorted((a, b) => a.number - b.number || (a.promptId < b.promptId ? -1 : 1));
    return { running: parsed.data.queue_running, pending };
  }

  /** As `snapshot`, but soon, and callers who ask at the same time share one call. For showing, not for deciding. */
  async glance(instance: Instance): Promise<QueueSnapshot> {
    const running = this.#asking.get(instance.name);
    if (running) return running;
    const asked = this.snapshot(instance, new AbortController().signal, limits.showingPatience).finally(() => this.#asking.delete(instance.name));
    this.#asking.set(instance.name, asked);
    return asked;
  }

  /** Takes waiting prompts out. ComfyUI answers 200 whatever became of it, so look afterwards (ws 11). */
  async remove(instance: Instance, promptIds: readonly string[], signal: AbortSignal): Promise<void> {
    await this.#call(instance, { method: 'POST', path: '/queue', body: stringifyJson({ delete: promptIds }) }, signal);
  }

  /** Asks the instance to stop that prompt if it runs now; nothing else is touched (ws 08). */
  async interrupt(instance: Instance, promptId: string, signal: AbortSignal): Promise<void> {
    await this.#call(instance, { method: 'POST', path: '/interrupt', body: stringifyJson({ prompt_id: promptId }) }, signal);
  }

  async #call(instance: Instance, call: { method: 'GET' | 'POST'; path: string; body?: string; patience?: number }, signal: AbortSignal): Promise<string> {
    const { path, patience = this.#timeoutMs, ...rest } = call;
    const request = { ...rest, url: instance.url + path, headers: instance.headers, timeoutMs: Math.min(patience, this.#timeoutMs), maxBytes: limits.upstreamJsonBytes };
    const answer = await this.#http.request(request, signal).catch((error: unknown) => {
      throw upstreamFailure(instance.name, error);
    });
    if (answer.status !== 200) throw upstreamStatus(instance.name, `${call.method} ${path}`, answer);
    return answer.text;
  }
}

function parse(text: string, instance: Instance): unknown {
  try {
    return parseLenientJson(text);
  } catch (error) {
    throw fail('UPSTREAM_ERROR', `instance ${instance.name} answered GET /queue with something else than JSON.`, { cause: error });
  }
}
