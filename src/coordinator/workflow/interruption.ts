import { limits } from '../../constants/limits.ts';
import { fail, reasonOf } from '../../core/errors.ts';
import { type Caller, owns } from '../../models/caller.ts';
import type { Instance } from '../../models/instance.ts';
import type { InterruptOutcome } from '../../models/workflow.ts';
import { endingOf } from '../../molecules/prompt-outputs/ending.ts';
import type { Tracked } from '../../molecules/prompt-tracker/tracker.ts';
import type { WorkflowParts } from './parts.ts';
import { detailOf } from './views.ts';
import { PromptSearch } from './whereabouts.ts';

/** Milliseconds to wait for a running node to react; ComfyUI looks at an interrupt between steps and nodes only (ws 09). */
const REACTION = 10_000;
const LOOK_EVERY = 200;

interface Target {
  readonly promptId: string;
  readonly instance: Instance;
  /** It was told to be lost, and its server still has it: what is written down of its ending says nothing. */
  readonly lost?: boolean;
  /** Another process is handing it over, or died meanwhile: it may be nowhere yet. */
  readonly onItsWay?: boolean;
}

/** Stops prompts, and says what really became of each. */
export class Interruption {
  readonly #parts: WorkflowParts;
  readonly #search: PromptSearch;

  constructor(parts: WorkflowParts) {
    this.#parts = parts;
    this.#search = new PromptSearch(parts);
  }

  /** NOT_FOUND when the caller has no such prompt. */
  async stop(caller: Caller, promptId: string, signal: AbortSignal): Promise<InterruptOutcome> {
    const target = await this.#find(caller, promptId, signal);
    return target === 'already_finished' ? target : this.#stop(target, signal);
  }

  /** What runs now and belongs to the caller; for an admin, whatever runs. */
  async running(caller: Caller, signal: AbortSignal): Promise<readonly string[]> {
    const { pool, comfyui, records } = this.#parts;
    const answers = await Promise.allSettled(pool.all().map(async (instance) => comfyui.queue.snapshot(instance, signal, pool.isHealthy(instance.name) ? undefined : limits.showingPatience)));
    const ids = answers.flatMap((answer) => (answer.status === 'fulfilled' ? answer.value.running.map((entry) => entry.promptId) : []));
    if (answers.length > 0 && answers.every((answer) => answer.status === 'rejected')) throw answers[0]?.reason;
    if (caller.admin) return ids;
    const owned = new Set((await records.prompts.findMany(ids)).filter((record) => owns(caller, record.key)).map((record) => record.promptId));
    return ids.filter((id) => owned.has(id));
  }

  async #find(caller: Caller, promptId: string, signal: AbortSignal): Promise<Target | 'already_finished'> {
    const known = await this.#known(promptId);
    if (known && !owns(caller, known.key)) throw unknown(promptId);
    if (known?.lost) return this.#stillThere(promptId, signal);
    if (known?.ended) return 'already_finished';
    if (known?.instance) return { promptId, instance: known.instance, onItsWay: known.onItsWay };
    if (!known && !caller.admin) throw unknown(promptId);
    const { found, incomplete } = await this.#search.everywhere(promptId, signal);
    if (found) return found.at.place === 'history' ? 'already_finished' : { promptId, instance: found.instance };
    throw incomplete ? fail('CONNECTION_ERROR', `not every instance could be asked for prompt "${promptId}".`) : unknown(promptId);
  }

  /** A server that was away too long, or not configured for a while, may come back with its prompts: they can be stopped all the same. */
  async #stillThere(promptId: string, signal: AbortSignal): Promise<Target | 'already_finished'> {
    const { found } = await this.#search.everywhere(promptId, signal);
    return found && found.at.place !== 'history' ? { promptId, instance: found.instance, lost: true } : 'already_finished';
  }

  async #known(promptId: string): Promise<{ key: string; ended: boolean; lost: boolean; onItsWay: boolean; instance: Instance | undefined } | undefined> {
    const { tracker, records, pool } = this.#parts;
    const tracked = tracker.get(promptId);
    if (tracked && tracked.ending?.state !== 'failed') return { key: tracked.key, ended: tracked.phase === 'ended', lost: false, onItsWay: false, instance: pool.get(tracked.instance) };
    const record = await records.prompts.find(promptId);
    return record && { key: record.key, ended: record.state !== 'submitted', onItsWay: record.acceptedAt === undefined, lost: detailOf(record).error?.code === 'PROMPT_LOST', instance: pool.get(record.instance) };
  }

  async #stop(target: Target, signal: AbortSignal): Promise<InterruptOutcome> {
    const { tracker, records, now } = this.#parts;
    const tracked = target.lost ? undefined : tracker.get(target.promptId);
    if (tracked) tracked.stopRequestedAt ??= now();
    await records.prompts.requestStop([target.promptId]);
    if (tracked?.phase !== 'submitting') return this.#stopThere(target, signal);
    if (tracked.unansweredSince !== undefined) return this.#stopUnanswered(target, signal);
    const there = await this.#handedOver(target, AbortSignal.any([signal, AbortSignal.timeout(REACTION)]));
    return typeof there === 'string' ? there : this.#stopThere(there, signal);
  }

  /**
   * A prompt on its way is at no instance, or at one that has not said so yet. From now on it is given to no other; which
   * of the two holds is known when its submission ends.
   */
  async #handedOver(target: Target, limit: AbortSignal): Promise<Target | InterruptOutcome> {
    const { tracker, pool, log } = this.#parts;
    const { promptId } = target;
    await this.#order(target, limit).catch((error: unknown) => log.debug('a prompt on its way cannot be stopped yet', { prompt_id: promptId, reason: reasonOf(error) }));
    await tracker.whenHandedOver(promptId, limit).catch(() => undefined);
    const tracked = tracker.get(promptId);
    if (!tracked) return 'removed';
    if (tracked.ending) return tracked.startedAt === undefined && tracked.ending.state === 'interrupted' ? 'removed' : outcomeOf(tracked.ending.state);
    return tracked.phase === 'submitting' ? 'interrupt_requested' : { promptId, instance: pool.get(tracked.instance) ?? target.instance };
  }

  /** Nobody knows whether the instance will take it. Where it does, it is stopped when it appears. */
  async #stopUnanswered(target: Target, signal: AbortSignal): Promise<InterruptOutcome> {
    const { tracker, now } = this.#parts;
    const found = await this.#search.among(target.instance, new Set([target.promptId]), signal).catch(() => new Map<string, number>());
    const number = found.get(target.promptId);
    if (number === undefined) return 'interrupt_requested';
    tracker.accepted(target.promptId, number, now());
    return this.#stopThere(target, signal);
  }

  /** Out of the queue first, since a waiting prompt begins at any moment; then an interrupt of exactly this one. */
  async #stopThere(target: Target, signal: AbortSignal): Promise<InterruptOutcome> {
    const { promptId, instance } = target;
    await this.#parts.comfyui.queue.remove(instance, [promptId], signal);
    const at = await this.#search.on(instance, promptId, signal);
    if (at.place === 'nowhere') {
      this.#parts.tracker.nudge(instance.name);
      return target.onItsWay ? 'interrupt_requested' : 'removed';
    }
    if (at.place === 'history') return outcomeOf(endingOf(at.entry).state);
    await this.#parts.comfyui.queue.interrupt(instance, promptId, signal);
    return this.#await(target, AbortSignal.any([signal, AbortSignal.timeout(REACTION)]));
  }

  async #order({ promptId, instance }: Target, limit: AbortSignal): Promise<void> {
    await this.#parts.comfyui.queue.remove(instance, [promptId], limit);
    await this.#parts.comfyui.queue.interrupt(instance, promptId, limit);
  }

  /** Waits for the ending. The events wake us early; the queue and the history are asked all the same. */
  async #await(target: Target, limit: AbortSignal): Promise<InterruptOutcome> {
    const { tracker, sleep } = this.#parts;
    const followed = (): Tracked | undefined => (target.lost ? undefined : tracker.get(target.promptId));
    while (!limit.aborted) {
      const ending = followed()?.ending;
      if (ending) return outcomeOf(ending.state);
      const pause = AbortSignal.any([limit, AbortSignal.timeout(LOOK_EVERY)]);
      await (followed() ? tracker.whenEnded(target.promptId, pause) : sleep(LOOK_EVERY, limit)).catch(() => undefined);
      if (followed()?.ending ?? limit.aborted) continue;
      const at = await this.#search.on(target.instance, target.promptId, limit).catch(() => undefined);
      if (at?.place === 'history') return outcomeOf(endingOf(at.entry).state);
      if (at?.place === 'nowhere') return 'removed';
    }
    return 'interrupt_requested';
  }
}

function outcomeOf(state: 'completed' | 'failed' | 'interrupted'): InterruptOutcome {
  return state === 'interrupted' ? 'interrupted' : 'already_finished';
}

function unknown(promptId: string): Error {
  return fail('NOT_FOUND', `prompt "${promptId}".`);
}
