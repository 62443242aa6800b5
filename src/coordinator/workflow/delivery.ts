import { failedWith, reasonOf } from '../../core/errors.ts';
import type { Caller } from '../../models/caller.ts';
import type { Instance } from '../../models/instance.ts';
import type { InternalOptions, SubmitRequest } from '../../models/workflow.ts';
import { faultsOf } from '../../molecules/comfyui-workflow/translate.ts';
import type { HandOver } from '../../molecules/comfyui-workflow/workflow.ts';
import type { InputPlacement, Prepared } from './input-placement.ts';
import type { WorkflowParts } from './parts.ts';
import { numberOf, PromptSearch } from './whereabouts.ts';

/** A prompt that is claimed, and on its way to an instance. */
export interface Draft {
  readonly caller: Caller;
  readonly promptId: string;
  readonly clientId: string;
  readonly request: SubmitRequest & InternalOptions;
  readonly prepared: Prepared;
}

export type Accepted = Extract<HandOver, { kind: 'accepted' }>;
/** `stopped`: somebody stopped the prompt before this instance, or any other, had it. */
export type DeliveryOutcome = HandOver | { readonly kind: 'stopped' };

/** Milliseconds between looks for a prompt whose submission got no answer. */
const LOOKS = [50, 250, 1_000] as const;

/** Takes a prompt to one instance. Never posts one that somebody has stopped. */
export class Delivery {
  readonly #parts: WorkflowParts;
  readonly #search: PromptSearch;
  readonly #inputs: InputPlacement;

  constructor(parts: WorkflowParts, inputs: InputPlacement) {
    this.#parts = parts;
    this.#search = new PromptSearch(parts);
    this.#inputs = inputs;
  }

  /** One try, with a second one where it is certain that the first did nothing. The pool learns how it went. */
  async attempt(draft: Draft, instance: Instance): Promise<DeliveryOutcome> {
    const began = this.#parts.now();
    const outcome = await this.#try(draft, instance);
    const failed = outcome.kind === 'unknown' || (outcome.kind === 'unreached' && failedWith(outcome.error, 'CONNECTION_ERROR', 'UPSTREAM_ERROR'));
    if (failed) this.#failed(instance, began, outcome.error);
    else if (outcome.kind !== 'unreached' && outcome.kind !== 'stopped' && this.#parts.pool.handOverSucceeded(instance.name)) this.#parts.log.info('an instance takes prompts again', { instance: instance.name });
    return outcome;
  }

  async #try(draft: Draft, instance: Instance, again = true): Promise<DeliveryOutcome> {
    const outcome = await this.#post(draft, instance);
    if (outcome.kind === 'refused' && draft.prepared.inputs.length > 0 && faultsOf(outcome.refusal).some((fault) => fault.type === 'custom_validation_failed')) {
      await this.#inputs.forget(instance, draft.prepared.inputs);
      return this.#post(draft, instance);
    }
    if (outcome.kind !== 'unknown') return outcome;
    const found = await this.#look(draft, instance);
    if (typeof found !== 'string') return found;
    if (found === 'unreachable' || outcome.late) return outcome;
    if (outcome.stale && again) return this.#try(draft, instance, false);
    return this.stopAsked(draft) ? { kind: 'stopped' } : { kind: 'unreached', error: outcome.error };
  }

  /** Somebody stopped the prompt while the instance was asked to take it. */
  async stopIfAsked(promptId: string, instance: Instance): Promise<void> {
    const { tracker, comfyui, log } = this.#parts;
    const tracked = tracker.get(promptId);
    if (tracked?.stopRequestedAt === undefined || tracked.phase === 'ended') return;
    try {
      await comfyui.queue.remove(instance, [promptId], AbortSignal.timeout(10_000));
      await comfyui.queue.interrupt(instance, promptId, AbortSignal.timeout(10_000));
      tracker.nudge(instance.name);
    } catch (error) {
      log.warn('a prompt that shall stop could not be stopped', { prompt_id: promptId, instance: instance.name, reason: reasonOf(error) });
    }
  }

  #failed(instance: Instance, began: number, error: unknown): void {
    const { pool, log, now } = this.#parts;
    if (pool.handOverFailed(instance.name, { began, now: now() })) log.warn('an instance did not take a prompt; others are preferred for a growing pause', { instance: instance.name, reason: reasonOf(error) });
  }

  stopAsked({ promptId }: Draft): boolean {
    return this.#parts.tracker.get(promptId)?.stopRequestedAt !== undefined;
  }

  /** Nothing is awaited between the look for a stop and the call: whoever stops the prompt later waits for its outcome. */
  async #post(draft: Draft, instance: Instance): Promise<DeliveryOutcome> {
    const { halt = unhurried() } = draft.request;
    try {
      await this.#inputs.place(instance, draft.prepared.inputs, halt);
      halt.throwIfAborted();
    } catch (error) {
      return { kind: 'unreached', error };
    }
    if (this.stopAsked(draft)) return { kind: 'stopped' };
    const { request, prepared, promptId } = draft;
    const submission = { promptId, clientId: this.#parts.clientId, workflow: prepared.workflow, front: request.front ?? false, extraData: request.extra_data };
    return this.#parts.comfyui.workflow.submit(instance, submission, unhurried());
  }

  /**
   * After a 500, a broken connection or no answer the prompt may be there all the same (ws 31): ask before answering.
   * ComfyUI itself queues at once, so these looks find what it has; a request that waits before it, they do not.
   */
  async #look({ promptId }: Draft, instance: Instance): Promise<Accepted | 'absent' | 'unreachable'> {
    let answered = false;
    for (const pause of LOOKS) {
      await this.#parts.sleep(pause, unhurried());
      if (this.#parts.tracker.get(promptId)?.phase !== 'submitting') return accepted(0);
      const at = await this.#search.on(instance, promptId, AbortSignal.timeout(10_000)).catch((error: unknown) => {
        this.#parts.log.warn('an instance did not say whether it has a prompt', { prompt_id: promptId, instance: instance.name, reason: reasonOf(error) });
        return undefined;
      });
      if (at && at.place !== 'nowhere') return accepted(at.place === 'history' ? numberOf(at.entry) : at.number);
      answered = at !== undefined;
    }
    return answered ? 'absent' : 'unreachable';
  }
}

/** Its place in the order is 0 where only its events told of it. */
function accepted(number: number): Accepted {
  return { kind: 'accepted', number, nodeErrors: {} };
}

/** What an instance may have taken is not given up, whoever hangs up; every call in it has a time limit of its own. */
function unhurried(): AbortSignal {
  return new AbortController().signal;
}
