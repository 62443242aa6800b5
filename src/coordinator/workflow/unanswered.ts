import { reasonOf } from '../../core/errors.ts';
import type { Instance } from '../../models/instance.ts';
import type { WorkflowParts } from './parts.ts';
import { PromptSearch, type SearchParts } from './whereabouts.ts';

/** Milliseconds between looks for such prompts. */
const LOOK_EVERY = 1_000;
/** Milliseconds after which a prompt that never appeared counts as lost: longer than proxies hold a request back. */
export const GRACE = 5 * 60_000;

type Parts = SearchParts & Pick<WorkflowParts, 'tracker' | 'now' | 'sleep'> & { readonly log: Pick<WorkflowParts['log'], 'debug'> };

/**
 * Prompts whose hand-over got no answer in time. ComfyUI, or a proxy before it, may still have the request and take it at
 * any later moment, so they are given to nobody else. Once their instance shows one, or the grace is over, it is left to
 * those who compare the instance with what is believed of it: they follow it, or end it as lost.
 */
export class UnansweredPrompts {
  readonly #parts: Parts;
  readonly #search: PromptSearch;
  readonly #stopIfAsked: (promptId: string, instance: Instance) => Promise<void>;
  readonly #waiting = new Map<string, Set<string>>();

  /** `stopIfAsked`: stops it on that instance if somebody wants that. */
  constructor(parts: Parts, stopIfAsked: (promptId: string, instance: Instance) => Promise<void>) {
    this.#parts = parts;
    this.#search = new PromptSearch(parts);
    this.#stopIfAsked = stopIfAsked;
  }

  follow(promptId: string, instance: Instance): void {
    const { tracker, now } = this.#parts;
    tracker.unanswered(promptId, now());
    void tracker.whenSeen(promptId, endless()).then(() => this.#stopIfAsked(promptId, instance));
    const waiting = this.#waiting.get(instance.name);
    if (waiting) waiting.add(promptId);
    else void this.#watch(instance, new Set([promptId]));
  }

  async #watch(instance: Instance, waiting: Set<string>): Promise<void> {
    this.#waiting.set(instance.name, waiting);
    while (waiting.size > 0) {
      await this.#parts.sleep(LOOK_EVERY, endless());
      this.#forget(waiting);
      await this.#look(instance, waiting).catch((error: unknown) => this.#parts.log.debug('an instance does not say whether it has prompts that it did not answer for', { instance: instance.name, reason: reasonOf(error) }));
      this.#giveUp(instance, waiting);
      this.#forget(waiting);
    }
    this.#waiting.delete(instance.name);
  }

  /** Its events told of it, or it is followed no more. */
  #forget(waiting: Set<string>): void {
    for (const promptId of waiting) if (this.#parts.tracker.get(promptId)?.phase !== 'submitting') waiting.delete(promptId);
  }

  async #look(instance: Instance, waiting: ReadonlySet<string>): Promise<void> {
    const { pool, tracker, now } = this.#parts;
    if (waiting.size === 0 || !pool.isHealthy(instance.name)) return;
    const found = await this.#search.among(instance, waiting, AbortSignal.timeout(10_000));
    for (const [promptId, number] of found) tracker.accepted(promptId, number, now());
    if (found.size > 0) tracker.nudge(instance.name);
  }

  #giveUp(instance: Instance, waiting: ReadonlySet<string>): void {
    const { tracker, now } = this.#parts;
    for (const promptId of waiting) {
      if (now() - (tracker.get(promptId)?.unansweredSince ?? 0) < GRACE) continue;
      tracker.accepted(promptId, 0, now());
      tracker.nudge(instance.name);
    }
  }
}

/** Nobody waits for these looks, and the process ends without them. */
function endless(): AbortSignal {
  return new AbortController().signal;
}
