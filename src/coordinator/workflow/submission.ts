import { fail, failedWith, type GatewayError, reasonOf } from '../../core/errors.ts';
import { currentRequestId } from '../../core/request-id.ts';
import type { Caller } from '../../models/caller.ts';
import type { Instance } from '../../models/instance.ts';
import type { Fault } from '../../models/problem.ts';
import type { InternalOptions, SubmitAnswer, SubmitRequest } from '../../models/workflow.ts';
import type { PromptRecord } from '../../models/records.ts';
import { faultsOf, nodeFaults } from '../../molecules/comfyui-workflow/translate.ts';
import { audienceOf } from '../../molecules/event-feed/feed.ts';
import { check, checkFinite, infiniteExtraData, mayBeNotFinite } from '../../molecules/graph/check.ts';
import { withNearest } from '../../molecules/graph/nearest.ts';
import { classesOf } from '../../molecules/graph/read.ts';
import { type Accepted, Delivery, type DeliveryOutcome, type Draft } from './delivery.ts';
import { InputPlacement, type Prepared } from './input-placement.ts';
import { InstanceChoice } from './instance-choice.ts';
import type { WorkflowParts } from './parts.ts';
import { GRACE, UnansweredPrompts } from './unanswered.ts';
import { PromptSearch } from './whereabouts.ts';

/** Hands a workflow to an instance, exactly once. Once it has begun, a caller who hangs up does not stop it: the outcome is recorded all the same. */
export class Submission {
  readonly #parts: WorkflowParts;
  readonly #search: PromptSearch;
  readonly #inputs: InputPlacement;
  readonly #choice: InstanceChoice;
  readonly #delivery: Delivery;
  readonly #unanswered: UnansweredPrompts;

  constructor(parts: WorkflowParts) {
    this.#parts = parts;
    this.#search = new PromptSearch(parts);
    this.#inputs = new InputPlacement(parts);
    this.#choice = new InstanceChoice(parts);
    this.#delivery = new Delivery(parts, this.#inputs);
    this.#unanswered = new UnansweredPrompts(parts, async (promptId, instance) => {
      await this.#noteAccepted(promptId);
      await this.#delivery.stopIfAsked(promptId, instance);
    });
  }

  /** An aborted signal ends the wait for an instance, nothing later. */
  async submit(caller: Caller, request: SubmitRequest & InternalOptions, signal: AbortSignal): Promise<SubmitAnswer> {
    const faults = [...check(request.workflow), ...infiniteExtraData(request.extra_data)];
    if (faults.length > 0) throw fail('WORKFLOW_VALIDATION_ERROR', faults.slice(0, 3).map((fault) => fault.reason).join(' '), { faults });
    // File names are resolved by what an instance declares: there must be one.
    await this.#choice.arrival(request, signal);
    const prepared = await this.#inputs.prepare(caller, request.workflow);
    const promptId = request.prompt_id ?? this.#parts.newId();
    if (request.prompt_id !== undefined && request.taskId === undefined) await this.#refuseUsed(promptId);
    const draft = { caller, promptId, clientId: request.client_id ?? this.#parts.newId(), request, prepared };
    const to = { ...request, pinned: prepared.pinned };
    await this.#choice.arrival(to, signal);
    const first = this.#choice.first(to);
    await this.#refuseNotFinite(first, prepared);
    await this.#claim(draft, first);
    return this.#handOver(draft, first);
  }

  /**
   * Looks for prompts whose hand-over has no answer, or none that was written down before their process died, until their
   * instance shows them or it is too late for that.
   */
  adopt(prompts: readonly PromptRecord[]): void {
    for (const prompt of prompts) {
      const instance = this.#parts.pool.get(prompt.instance);
      if (instance && prompt.acceptedAt === undefined) this.#unanswered.adopt(prompt, instance);
    }
  }

  /** NaN and infinity in a FLOAT make the history of the server unreadable (ws 32). */
  async #refuseNotFinite(instance: Instance, prepared: Prepared): Promise<void> {
    if (!mayBeNotFinite(prepared.workflow)) return;
    const faults = checkFinite(prepared.workflow, await this.#parts.comfyui.info.declarations(instance));
    if (faults.length > 0) throw fail('WORKFLOW_VALIDATION_ERROR', faults.map((fault) => `Node "${fault.node_id}", input "${fault.input}": ${fault.reason}`).join(' '), { faults });
  }

  /** ComfyUI itself would run a second prompt of the same id and mix up the two (ws 25). */
  async #refuseUsed(promptId: string): Promise<void> {
    if (this.#parts.tracker.get(promptId) || (await this.#parts.records.prompts.find(promptId))) throw conflict(promptId);
    const { found } = await this.#search.everywhere(promptId, AbortSignal.timeout(10_000));
    if (found) throw conflict(promptId);
  }

  /** Followed before it is written down: whoever finds the record and stops the prompt must find it here, too. */
  async #claim(draft: Draft, instance: Instance): Promise<void> {
    const { tracker, feed, records, now } = this.#parts;
    const { promptId } = draft;
    const prompt = { promptId, key: draft.caller.key, clientId: draft.clientId, instance: instance.name, createdAt: now(), process: this.#parts.process, taskId: draft.request.taskId };
    if (tracker.get(promptId)) throw conflict(promptId);
    tracker.add({ ...prompt, classes: classesOf(draft.request.workflow), requestId: currentRequestId() });
    let claimed = false;
    try {
      claimed = await records.prompts.insert(prompt);
    } finally {
      if (!claimed) tracker.remove(promptId);
    }
    if (!claimed) throw conflict(promptId);
    feed.open(promptId, audienceOf(draft.caller.key, draft.clientId), { taskId: draft.request.taskId });
    this.#count(instance);
  }

  async #handOver(draft: Draft, first: Instance): Promise<SubmitAnswer> {
    const tried = new Set<string>();
    let instance = first;
    for (;;) {
      tried.add(instance.name);
      const outcome = await this.#delivery.attempt(draft, instance);
      if (outcome.kind === 'accepted') {
        const answer = this.#accept(draft, instance, outcome);
        void this.#noteAccepted(draft.promptId).then((stop) => (stop ? this.#delivery.stopIfAsked(draft.promptId, instance) : undefined));
        await this.#delivery.stopIfAsked(draft.promptId, instance);
        return answer;
      }
      const next = outcome.kind === 'unreached' ? this.#next(draft, tried) : undefined;
      if (!next) throw await this.#giveUp(draft, instance, outcome);
      await this.#move(draft, { from: instance, to: next });
      instance = next;
    }
  }

  #next(draft: Draft, tried: ReadonlySet<string>): Instance | undefined {
    return this.#delivery.stopAsked(draft) || draft.request.halt?.aborted ? undefined : this.#choice.next({ ...draft.request, pinned: draft.prepared.pinned }, tried);
  }

  async #move(draft: Draft, way: { from: Instance; to: Instance }): Promise<void> {
    await this.#parts.records.prompts.move(draft.promptId, way.to.name);
    this.#parts.tracker.move(draft.promptId, way.to.name);
    this.#count(way.from);
    this.#count(way.to);
  }

  #accept(draft: Draft, instance: Instance, outcome: Accepted): SubmitAnswer {
    this.#parts.tracker.accepted(draft.promptId, outcome.number, this.#parts.now());
    const left = nodeFaults(outcome.nodeErrors);
    const warnings = left.map((fault) => `Left out of this run: node ${fault.node_id} (${fault.class_type}), ${fault.reason}`);
    return {
      prompt_id: draft.promptId,
      number: outcome.number,
      client_id: draft.clientId,
      instance: instance.name,
      node_errors: outcome.nodeErrors,
      ...(warnings.length > 0 ? { warnings } : {}),
    };
  }

  /** The instance has it. The answer does not depend on this. True when somebody has asked another process meanwhile to stop it. */
  async #noteAccepted(promptId: string): Promise<boolean> {
    const { tracker, records, log } = this.#parts;
    const tracked = tracker.get(promptId);
    if (tracked?.acceptedAt === undefined) return false;
    const asked = await records.prompts.accepted(promptId, tracked.acceptedAt).catch((error: unknown) => void log.warn('it could not be recorded that an instance has a prompt', { prompt_id: promptId, reason: reasonOf(error) }));
    if (asked === undefined || tracked.stopRequestedAt !== undefined) return false;
    tracked.stopRequestedAt = asked;
    return true;
  }

  async #noteUnanswered(promptId: string): Promise<void> {
    const { records, log, now } = this.#parts;
    await records.prompts.unanswered(promptId, now()).catch((error: unknown) => log.warn('it could not be recorded that a hand-over got no answer', { prompt_id: promptId, reason: reasonOf(error) }));
  }

  async #giveUp(draft: Draft, instance: Instance, outcome: Exclude<DeliveryOutcome, Accepted>): Promise<GatewayError> {
    const { promptId } = draft;
    if (outcome.kind === 'unknown') await this.#noteUnanswered(promptId);
    if (outcome.kind === 'unknown' && outcome.late) {
      this.#unanswered.follow(promptId, instance);
      return fail('CONNECTION_ERROR', `instance ${instance.name} gave no answer in time and may take prompt ${promptId} later, so no other instance was given it; GET /api/v1/workflows/${promptId} tells, and where it does not appear within ${GRACE / 60_000} minutes it ends as PROMPT_LOST. The same workflow submitted again may run twice.`, { cause: outcome.error, promptId, retryable: false });
    }
    if (outcome.kind === 'unknown') {
      this.#parts.tracker.accepted(promptId, 0, this.#parts.now());
      return fail('CONNECTION_ERROR', `instance ${instance.name} gave no answer and cannot be asked, so nobody knows yet whether prompt ${promptId} runs; GET /api/v1/workflows/${promptId} tells once it is back.`, { cause: outcome.error, promptId });
    }
    if (outcome.kind === 'stopped' || (outcome.kind === 'unreached' && this.#delivery.stopAsked(draft))) {
      await this.#parts.tracker.withdraw(promptId);
      return fail('CONFLICT', `prompt ${promptId} was stopped on request before an instance had it.`, { promptId });
    }
    await this.#parts.records.prompts.drop(promptId);
    this.#parts.tracker.remove(promptId);
    this.#parts.feed.forget([promptId]);
    this.#count(instance);
    if (outcome.kind === 'unreached') return failedWith(outcome.error) ? outcome.error : fail('INTERNAL_ERROR', 'the workflow could not be handed over.', { cause: outcome.error });
    const faults = await this.#explained(draft, instance, faultsOf(outcome.refusal));
    return fail('WORKFLOW_VALIDATION_ERROR', faults.slice(0, 3).map(sentenceOf).join(' '), { faults });
  }

  /** With what was probably meant, where the instance says what there is. */
  async #explained({ prepared }: Draft, instance: Instance, faults: readonly Fault[]): Promise<readonly Fault[]> {
    const declarations = await this.#parts.comfyui.info.declarations(instance).catch(() => undefined);
    return declarations ? withNearest(faults, prepared.workflow, declarations) : faults;
  }

  #count(instance: Instance): void {
    this.#parts.pool.setInFlight(instance.name, this.#parts.tracker.countInFlight(instance.name));
  }
}

function sentenceOf(fault: Fault): string {
  const meant = fault.nearest === undefined ? '' : ` Did you mean "${fault.nearest}"?`;
  return fault.node_id === undefined ? `${fault.reason}.` : `Node ${fault.node_id}${fault.class_type ? ` (${fault.class_type})` : ''}: ${fault.reason}.${meant}`;
}

function conflict(promptId: string): GatewayError {
  return fail('CONFLICT', `prompt_id "${promptId}" is in use; leave it out and the gateway chooses one.`);
}
