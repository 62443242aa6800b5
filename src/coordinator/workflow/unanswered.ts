import { reasonOf } from '../../core/errors.ts';
import type { Instance } from '../../models/instance.ts';
import type { PromptRecord } from '../../models/records.ts';
import type { WorkflowParts } from './parts.ts';
import { PromptSearch, type SearchParts } from './whereabouts.ts';

/** Milliseconds between looks for such prompts. */
const LOOK_EVERY = 1_000;
/** Milliseconds after which a prompt that never appeared counts as lost: longer than proxies hold a request back. */
export const GRACE = 5 * 60_000;
/** The same, counted from its adoption, where its process died in the middle of the call: what it had sent is there by then, or nowhere. */
export const GRACE_AFTER_DEATH = 10_000;

interface Waiting {
  /** Counts as lost from then on. */
  readonly until: number;
  givenUp: boolean;
}

type Parts = SearchParts & Pick<WorkflowParts, 'tracker' | 'now' | 'sleep'> & { readonly log: Pick<WorkflowParts['log'], 'debug'> };

/**
 * Prompts whose hand-over got no answer in time. ComfyUI, or a proxy before it, may still have the request and take it at
 * any later moment, so they are given to nobody else. The same holds where the process that handed them over died meanwhile. Once their instance shows one, or the grace is over, it is left to
 * those who compare the instance with what is believed of it: they follow it, or end it as lost.
 */
export class UnansweredPrompts {
  readonly #parts: Parts;
  readonly #search: PromptSearch;
  readonly #seen: (promptId: string, instance: Instance) => Promise<void>;
  readonly #waiting = new Map<string, Map<string, Waiting>>();

  /** `seen`: it is there after all, or over. Does not reject. */
  constructor(parts: Parts, seen: (promptId: string, instance: Instance) => Promise<void>) {
    this.#parts = parts;
    this.#search = new PromptSearch(parts);
    this.#seen = seen;
  }

  /** From now on; its hand-over has just ended so. */
  follow(promptId: string, instance: Instance): void {
    const { tracker, now } = this.#parts;
    tracker.unanswered(promptId, now());
    this.#wait(promptId, instance, now() + GRACE);
  }

  /** One of a process that is gone. It is tracked already, as unanswered. */
  adopt({ promptId, unansweredAt }: Pick<PromptRecord, 'promptId' | 'unansweredAt'>, instance: Instance): void {
    this.#wait(promptId, instance, unansweredAt === undefined ? this.#parts.now() + GRACE_AFTER_DEATH : unansweredAt + GRACE);
  }

  #wait(promptId: string, instance: Instance, until: number): void {
    const one: Waiting = { until, givenUp: false };
    void this.#parts.tracker.whenSeen(promptId, endless()).then(() => (one.givenUp ? undefined : this.#seen(promptId, instance)));
    const waiting = this.#waiting.get(instance.name);
    if (waiting) waiting.set(promptId, one);
    else void this.#watch(instance, new Map([[promptId, one]]));
  }

  async #watch(instance: Instance, waiting: Map<string, Waiting>): Promise<void> {
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
  #forget(waiting: Map<string, Waiting>): void {
    for (const promptId of waiting.keys()) if (this.#parts.tracker.get(promptId)?.phase !== 'submitting') waiting.delete(promptId);
  }

  async #look(instance: Instance, waiting: ReadonlyMap<string, Waiting>): Promise<void> {
    const { pool, tracker, now } = this.#parts;
    if (waiting.size === 0 || !pool.isHealthy(instance.name)) return;
    const found = await this.#search.among(instance, new Set(waiting.keys()), AbortSignal.timeout(10_000));
    for (const [promptId, number] of found) tracker.accepted(promptId, number, now());
    if (found.size > 0) tracker.nudge(instance.name);
  }

  #giveUp(instance: Instance, waiting: ReadonlyMap<string, Waiting>): void {
    const { tracker, now } = this.#parts;
    for (const [promptId, one] of waiting) {
      if (now() < one.until) continue;
      one.givenUp = true;
      tracker.accepted(promptId, 0, now());
      tracker.nudge(instance.name);
    }
  }
}

/** Nobody waits for these looks, and the process ends without them. */
function endless(): AbortSignal {
  return new AbortController().signal;
}
