import type { Watch } from '../../coordinator/live/watch.ts';
import type { TaskCoordinator } from '../../coordinator/tasks/task-coordinator.ts';
import type { WorkflowCoordinator } from '../../coordinator/workflow/workflow-coordinator.ts';
import { fail, failedWith, reasonOf } from '../../core/errors.ts';
import { currentRequestId, type Logger } from '../../core/logger.ts';
import type { PromptState } from '../../models/prompt-state.ts';
import type { BodyRoom, Share } from '../http/body-room.ts';
import { asGatewayError, invalid, toProblem } from '../http/problem.ts';
import { type ClientMessage, clientMessageTypes, ClientMessage as Message } from './messages.ts';

export interface SessionDeps {
  readonly workflows: Pick<WorkflowCoordinator, 'submit' | 'interrupt' | 'state'>;
  readonly tasks: Pick<TaskCoordinator, 'view'>;
  readonly parseJson: (text: string) => unknown;
  readonly log: Logger;
  /** Shared with the bodies of HTTP. */
  readonly room: BodyRoom;
  /** Stops and goes on reading the socket, while a message waits for room. */
  readonly hold: (still: boolean) => void;
  /** Counts a message; `retryAfter` in seconds when there were too many. */
  readonly consume: () => { readonly limited: boolean; readonly retryAfter: number };
}

/** What a session needs of the watch of its socket. */
export type SessionWatch = Pick<Watch, 'caller' | 'clientId' | 'tell' | 'tellStatus' | 'announce' | 'subscribe' | 'unsubscribe'>;

type Answer = Readonly<Record<string, unknown>>;

/** Messages of one socket that may be worked on at the same time. */
const AT_ONCE = 32;

/** Serves what a client sends. Every message gets an answer; a bad one leaves the socket open. */
export class Session {
  readonly #watch: SessionWatch;
  readonly #deps: SessionDeps;
  readonly #signal: AbortSignal;
  #busy = 0;
  /** Messages are read one after the other, in the order of arrival. */
  #reading: Promise<unknown> = Promise.resolve();

  constructor(watch: SessionWatch, deps: SessionDeps, signal: AbortSignal) {
    this.#watch = watch;
    this.#deps = deps;
    this.#signal = signal;
  }

  greet(): void {
    this.#watch.tell('system', { event: 'connected', client_id: this.#watch.clientId });
    this.#watch.tellStatus();
  }

  /** Never rejects. Nobody is told of a failure when the socket has gone. */
  async receive(text: string | undefined): Promise<void> {
    let requestId: string | undefined;
    const share = this.#deps.room.open(this.#watch.caller.key);
    this.#busy += 1;
    try {
      const { limited, retryAfter } = this.#deps.consume();
      if (limited) throw fail('RATE_LIMITED', 'too many messages.', { retryAfter });
      if (this.#busy > AT_ONCE) throw fail('RATE_LIMITED', `more than ${AT_ONCE} messages wait for their answer.`, { retryAfter: 1 });
      const raw = await this.#read(text, share);
      requestId = requestIdOf(raw);
      await this.#serve(read(raw), requestId);
    } catch (error) {
      if (!this.#signal.aborted) this.#refuse(error, requestId);
    } finally {
      share.release();
      this.#busy -= 1;
    }
  }

  #read(text: string | undefined, share: Share): Promise<unknown> {
    if (text === undefined) throw fail('WEBSOCKET_ERROR', 'binary messages are not taken; send JSON text {type, data}.');
    const mine = this.#reading.then(() => this.#readNow(text, share));
    this.#reading = mine.catch(() => undefined);
    return mine;
  }

  async #readNow(text: string, share: Share): Promise<unknown> {
    const { room, hold } = this.#deps;
    const bytes = Buffer.byteLength(text);
    hold(true);
    try {
      await share.grow(bytes, this.#signal);
      return await room.turn(bytes, () => this.#parse(text));
    } finally {
      hold(false);
    }
  }

  #parse(text: string): unknown {
    try {
      return this.#deps.parseJson(text);
    } catch (error) {
      throw failedWith(error) ? error : fail('MALFORMED_JSON', reasonOf(error), { cause: error });
    }
  }

  async #serve(message: ClientMessage, requestId: string | undefined): Promise<void> {
    const { caller, clientId } = this.#watch;
    switch (message.type) {
      case 'submit': {
        const { request_id: _, ...request } = message.data;
        if (request.client_id !== undefined && request.client_id !== clientId) throw fail('VALIDATION_ERROR', `client_id is "${request.client_id}", but this socket is "${clientId}"; leave it out.`);
        const answer = await this.#deps.workflows.submit(caller, { ...request, client_id: clientId }, this.#signal);
        return this.#answer('submitted', requestId, answer);
      }
      case 'interrupt':
        return this.#answer('interrupted', requestId, await this.#deps.workflows.interrupt(caller, message.data.prompt_id, this.#signal));
      case 'subscribe': {
        const unkept = await this.#watch.subscribe(message.data.items, requestId);
        for (const promptId of unkept.prompts) await this.#tellPresent(promptId);
        for (const taskId of unkept.tasks) await this.#tellTask(taskId);
        return;
      }
      case 'unsubscribe':
        this.#watch.unsubscribe(message.data.items);
        return this.#answer('unsubscribed', requestId, { items: message.data.items.map(({ since: _, ...item }) => item) });
      case 'feature_flags':
        this.#watch.announce({ previewMetadata: message.data.supports_preview_metadata });
        return this.#watch.tell('feature_flags', { supports_preview_metadata: true });
      case 'ping':
        return this.#answer('pong', requestId, {});
      default: {
        const never: never = message;
        return never;
      }
    }
  }

  /** Nothing was ever told after the number that the client says. */
  async #tellTask(taskId: string): Promise<void> {
    const state = await this.#deps.tasks.view(this.#watch.caller, taskId);
    this.#watch.tell('system', { event: 'reset', code: 'STREAM_RESET', task_id: taskId, seq: state.seq, state });
  }

  /** The past of that prompt is not kept: its present state, and its ending when it has one. */
  async #tellPresent(promptId: string): Promise<void> {
    const state = await this.#deps.workflows.state(this.#watch.caller, promptId, this.#signal);
    this.#watch.tell('system', { event: 'reset', code: 'STREAM_RESET', prompt_id: promptId, ...taskOf(state), seq: state.seq ?? 0, state });
    const ending = endingMessage(state);
    if (ending) this.#watch.tell(ending.type, ending.data);
  }

  #answer(event: string, requestId: string | undefined, data: Answer): void {
    this.#watch.tell('system', { event, ...(requestId === undefined ? {} : { request_id: requestId }), ...data });
  }

  #refuse(error: unknown, requestId: string | undefined): void {
    const told = asGatewayError(error);
    if (told.status >= 500 && told.code !== 'QUEUE_FULL') this.#deps.log.error('a socket message could not be served', { error: told, client_id: this.#watch.clientId });
    const { detail, errors } = toProblem(told, currentRequestId() ?? '');
    this.#answer('error', requestId, {
      code: told.code,
      reason: detail,
      ...(errors === undefined ? {} : { errors }),
      ...(told.promptId === undefined ? {} : { prompt_id: told.promptId }),
      ...(told.retryAfter === undefined ? {} : { retry_after: told.retryAfter }),
    });
  }
}

function read(raw: unknown): ClientMessage {
  const type: unknown = typeof raw === 'object' && raw !== null && 'type' in raw ? raw.type : undefined;
  if (!clientMessageTypes.some((known) => known === type)) {
    throw fail('WEBSOCKET_ERROR', `type is ${JSON.stringify(type)?.slice(0, 64) ?? 'missing'}; allowed: ${clientMessageTypes.join(', ')}.`);
  }
  const parsed = Message.safeParse(raw);
  if (!parsed.success) throw invalid('message', parsed.error, raw);
  return parsed.data;
}

/** Found before the message is checked, so that its refusal carries it too. */
function requestIdOf(raw: unknown): string | undefined {
  if (typeof raw !== 'object' || raw === null) return undefined;
  const data: unknown = 'data' in raw ? raw.data : undefined;
  const inside: unknown = typeof data === 'object' && data !== null && 'request_id' in data ? data.request_id : undefined;
  const id: unknown = 'request_id' in raw ? raw.request_id : inside;
  return typeof id === 'string' ? id.slice(0, 128) : undefined;
}

/** The last message of a prompt that ended, made from its state. */
function endingMessage(state: PromptState): { type: string; data: Answer } | undefined {
  const common = { prompt_id: state.prompt_id, ...taskOf(state), instance: state.instance, client_id: state.client_id, seq: state.seq ?? 0, durations: durationsOf(state), images: state.outputs ?? [] };
  if (state.state === 'completed') return { type: 'result', data: common };
  if (state.state === 'failed') return { type: 'execution_error', data: { ...common, ...state.error } };
  return state.state === 'interrupted' ? { type: 'execution_interrupted', data: { ...common, reason: state.reason } } : undefined;
}

function taskOf({ task_id: task }: PromptState): Answer {
  return task === undefined ? {} : { task_id: task };
}

/** Milliseconds, as the ending itself told them; in parts only where the parts are known. */
function durationsOf({ created_at: created, started_at: started, ended_at: ended }: PromptState): Answer {
  if (created === undefined || ended === undefined) return {};
  const total = { total_ms: Math.max(0, ended - created) };
  return started === undefined ? total : { queued_ms: Math.max(0, started - created), execution_ms: Math.max(0, ended - started), ...total };
}
