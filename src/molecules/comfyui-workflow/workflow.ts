import type { HttpText } from '../../atoms/http/http.ts';
import { parseLenientJson, stringifyJson } from '../../atoms/json/json.ts';
import { limits } from '../../constants/limits.ts';
import { fail } from '../../core/errors.ts';
import { HttpFailure, upstreamFailure, upstreamStatus } from '../../core/http-failure.ts';
import { PromptRefusal, type SubmitOutcome } from '../../models/comfyui.ts';
import type { Instance } from '../../models/instance.ts';
import { Accepted } from './wire.ts';

export interface Submission {
  readonly promptId: string;
  /** The client id of this process: its socket receives the events. */
  readonly clientId: string;
  readonly workflow: Readonly<Record<string, unknown>>;
  readonly front: boolean;
  readonly extraData: Readonly<Record<string, unknown>> | undefined;
}

/** `late`: the whole request went out and the time for an answer passed, so ComfyUI may take the prompt at any later moment. */
export type HandOver = SubmitOutcome & { readonly late?: boolean };

/** What a proxy says that had no answer in time from the server behind it. */
const NO_ANSWER_BEHIND = new Set([504, 524]);

/** Hands workflows to ComfyUI (POST /prompt). */
export class ComfyuiWorkflow {
  readonly #http: HttpText;
  readonly #timeoutMs: number;

  constructor(http: HttpText, options: { timeoutMs: number }) {
    this.#http = http;
    this.#timeoutMs = options.timeoutMs;
  }

  /** Never throws for what the instance does: the outcome says what is known. Throws only when the signal aborts. */
  async submit(instance: Instance, submission: Submission, signal: AbortSignal): Promise<HandOver> {
    try {
      const answer = await this.#http.request(
        { method: 'POST', url: `${instance.url}/prompt`, headers: instance.headers, body: bodyOf(submission), timeoutMs: this.#timeoutMs, maxBytes: limits.upstreamJsonBytes },
        signal,
      );
      return read(instance, answer);
    } catch (error) {
      const kind = error instanceof HttpFailure ? error.kind : 'cut';
      if (kind === 'refused') return { kind: 'unreached', error: upstreamFailure(instance.name, error) };
      return { kind: 'unknown', error: upstreamFailure(instance.name, error), stale: error instanceof HttpFailure && kind === 'cut' && error.reused, late: kind === 'timeout' };
    }
  }
}

function bodyOf(submission: Submission): string {
  return stringifyJson({
    prompt: submission.workflow,
    prompt_id: submission.promptId,
    client_id: submission.clientId,
    ...(submission.front ? { front: true } : {}),
    ...(submission.extraData ? { extra_data: submission.extraData } : {}),
  });
}

function read(instance: Instance, answer: { status: number; text: string }): HandOver {
  if (answer.status === 200) {
    const accepted = Accepted.safeParse(parseOrNothing(answer.text));
    if (accepted.success) return { kind: 'accepted', number: accepted.data.number, nodeErrors: accepted.data.node_errors };
  }
  if (answer.status === 400) {
    const refusal = PromptRefusal.safeParse(parseOrNothing(answer.text));
    if (refusal.success) return { kind: 'refused', refusal: refusal.data };
  }
  if (answer.status === 401 || answer.status === 403 || answer.status === 413) return { kind: 'unreached', error: upstreamStatus(instance.name, 'POST /prompt', answer) };
  return { kind: 'unknown', error: answer.status < 500 ? fail('UPSTREAM_ERROR', `instance ${instance.name} answered POST /prompt with ${answer.status} and a body that is not ComfyUI's.`) : upstreamStatus(instance.name, 'POST /prompt', answer), stale: false, late: NO_ANSWER_BEHIND.has(answer.status) };
}

function parseOrNothing(text: string): unknown {
  try {
    return parseLenientJson(text);
  } catch (error) {
    if (error instanceof SyntaxError) return undefined;
    throw error;
  }
}
