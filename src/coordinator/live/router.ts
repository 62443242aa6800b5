import { reasonOf } from '../../core/errors.ts';
import type { Instance } from '../../models/instance.ts';
import { fileUrl } from '../../models/file-url.ts';
import type { PreviewEvent, PromptEvent, UpstreamEvent } from '../../models/upstream-event.ts';
import { previewFrames } from '../../molecules/event-feed/previews.ts';
import { filesOfNode } from '../../molecules/prompt-outputs/outputs.ts';
import { progressOf, statesToTell } from '../../molecules/prompt-tracker/progress.ts';
import { isOver, type Tracked } from '../../molecules/prompt-tracker/tracker.ts';
import type { Endings } from './endings.ts';
import type { LiveParts } from './parts.ts';
import type { QueueTeller } from './queue-teller.ts';

/** Its pictures are the outputs themselves, sent as previews (ws 13). */
const PICTURE_SENDERS = new Set(['SaveImageWebsocket']);

/** Takes the events of one instance, parsed once, to the prompts they are about. */
export class EventRouter {
  readonly #parts: LiveParts;
  readonly #endings: Endings;
  readonly #queues: QueueTeller;
  readonly #instance: Instance;
  /** What runs on the instance: legacy previews carry no id. */
  #running: string | undefined;

  constructor(parts: LiveParts, tellers: { readonly endings: Endings; readonly queues: QueueTeller }, instance: Instance) {
    this.#parts = parts;
    this.#endings = tellers.endings;
    this.#queues = tellers.queues;
    this.#instance = instance;
  }

  route(event: UpstreamEvent, signal: AbortSignal): void {
    switch (event.kind) {
      case 'prompt':
        return this.#prompt(event, signal);
      case 'preview':
        return this.#preview(event);
      case 'status':
        return this.#status(event.queueRemaining, signal);
      case 'text':
        return this.#text(event.nodeId, event.text);
      case 'other':
        if (event.unread) this.#parts.tracker.missed(this.#instance.name);
        return this.#parts.log.client.warn('an event was not understood and left out', { instance: this.#instance.name, what: event.what });
      case 'resumed':
      case 'flags':
        return;
      default: {
        const never: never = event;
        return never;
      }
    }
  }

  #prompt(event: PromptEvent, signal: AbortSignal): void {
    if (event.type === 'execution_start') this.#running = event.promptId;
    const tracked = this.#parts.tracker.apply(event, this.#parts.now());
    if (!tracked) return;
    if (isOver(event)) return this.#over(tracked, signal);
    this.#publish(tracked, event);
  }

  /** Errors and interrupts are told when history confirms them; `execution_success` is not an ending either. */
  #publish(tracked: Tracked, event: PromptEvent): void {
    const { feed, publicUrl } = this.#parts;
    switch (event.type) {
      case 'progress':
        return feed.progress(event.promptId, event.type, { ...event.data, overall: tracked.run.overall });
      case 'progress_state': {
        const { nodes, whole } = statesToTell(tracked.run, event.data['nodes']);
        return feed.latest(event.promptId, { type: event.type, data: { ...event.data, nodes, overall: tracked.run.overall } }, whole ? 'states' : 'steps');
      }
      case 'execution_error':
        if (event.data['exception_type'] !== 'ExecutionBlocked') return;
        tracked.announced = undefined;
        return feed.state(event.promptId, 'system', { ...event.data, event: 'blocked', code: 'EXECUTION_BLOCKED' });
      case 'execution_interrupted':
        return;
      case 'executed': {
        const shown = tracked.outputs[String(event.data['node'])] ?? {};
        const files = filesOfNode(String(event.data['node']), shown, (ref) => fileUrl(ref, { promptId: event.promptId, publicUrl }));
        return feed.state(event.promptId, 'executed', { ...event.data, images: files });
      }
      case 'execution_start':
      case 'execution_cached':
      case 'execution_success':
        return feed.state(event.promptId, event.type, event.data);
      case 'executing':
        return feed.state(event.promptId, 'executing', { ...event.data, progress: progressOf(tracked.run) });
      default: {
        const never: never = event.type;
        return never;
      }
    }
  }

  #over(tracked: Tracked, signal: AbortSignal): void {
    const lookAgain = (reason: string): void => {
      this.#parts.log.client.warn('an ending could not be confirmed yet', { prompt_id: tracked.promptId, instance: this.#instance.name, reason });
      this.#parts.tracker.nudge(this.#instance.name);
    };
    this.#endings.confirm(tracked, signal).then(
      (confirmed) => (confirmed ? undefined : lookAgain('the history does not have it')),
      (error: unknown) => (signal.aborted ? undefined : lookAgain(reasonOf(error))),
    );
  }

  #preview(event: PreviewEvent): void {
    const promptId = event.promptId ?? this.#running;
    const tracked = promptId === undefined ? undefined : this.#parts.tracker.get(promptId);
    if (promptId === undefined || !tracked || tracked.phase === 'ended') return;
    const nodeId = event.nodeId ?? tracked.run.node ?? undefined;
    const isOutput = event.png && PICTURE_SENDERS.has(tracked.run.classes.get(nodeId ?? '') ?? '');
    this.#parts.feed.preview(promptId, previewFrames(event, promptId, nodeId), isOutput ? 'output' : 'preview');
  }

  /** Progress text names a node only; it belongs to what runs. */
  #text(nodeId: string, text: string): void {
    const tracked = this.#running === undefined ? undefined : this.#parts.tracker.get(this.#running);
    if (!tracked?.run.classes.has(nodeId)) return;
    this.#parts.feed.progress(tracked.promptId, 'progress_text', { node: nodeId, text });
  }

  /** Fewer prompts than we have handed over means that one ended or was taken away unseen. */
  #status(queueRemaining: number, signal: AbortSignal): void {
    const { pool, tracker } = this.#parts;
    pool.setRemaining(this.#instance.name, queueRemaining);
    void this.#queues.changed(signal);
    if (queueRemaining >= tracker.countInFlight(this.#instance.name)) return;
    const expected = tracker.inFlight(this.#instance.name).filter((one) => one.acceptedAt !== undefined && !one.confirming && one.announced === undefined && one.run.overall < 1).length;
    if (queueRemaining < expected) tracker.nudge(this.#instance.name);
  }
}
