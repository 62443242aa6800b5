import { limits } from '../../constants/limits.ts';
import { fail } from '../../core/errors.ts';
import { type Caller, owns } from '../../models/caller.ts';
import type { HistoryEntry } from '../../models/comfyui.ts';
import type { DiagnosisAnswer } from '../../models/diagnosis.ts';
import type { OutputFile } from '../../models/file.ts';
import type { PromptState } from '../../models/prompt-state.ts';
import type { PromptRecord } from '../../models/records.ts';
import type { InternalOptions, InterruptAnswer, SubmitAnswer, SubmitRequest, Workflow } from '../../models/workflow.ts';
import { endingOf } from '../../molecules/prompt-outputs/ending.ts';
import { Diagnosis } from './diagnosis.ts';
import { Interruption } from './interruption.ts';
import type { WorkflowParts } from './parts.ts';
import { Submission } from './submission.ts';
import { detailOf, outputFiles, stateOfRecord, stateOfTracked } from './views.ts';
import { PromptSearch } from './whereabouts.ts';

/** What callers do with workflows: submit, look, fetch, stop. A prompt of another key does not exist for them. */
export class WorkflowCoordinator {
  readonly #parts: WorkflowParts;
  readonly #submission: Submission;
  readonly #interruption: Interruption;
  readonly #search: PromptSearch;
  readonly #diagnosis: Diagnosis;

  constructor(parts: WorkflowParts) {
    this.#parts = parts;
    this.#diagnosis = new Diagnosis(parts);
    this.#submission = new Submission(parts);
    this.#interruption = new Interruption(parts);
    this.#search = new PromptSearch(parts);
  }

  /** Throws WORKFLOW_VALIDATION_ERROR with one fault per thing that is wrong, CONFLICT, CONNECTION_ERROR, UPSTREAM_ERROR. */
  async submit(caller: Caller, request: SubmitRequest & InternalOptions, signal: AbortSignal): Promise<SubmitAnswer> {
    return this.#submission.submit(caller, request, signal);
  }

  /** Looks for those of the prompts, taken over from processes that are gone and followed here by now, that their instance may still be about to take. */
  adoptUnanswered(prompts: readonly PromptRecord[]): void {
    this.#submission.adopt(prompts);
  }

  /** What is wrong with a workflow on each instance; nothing is run. */
  async diagnose(caller: Caller, workflow: Workflow, signal: AbortSignal): Promise<DiagnosisAnswer> {
    return this.#diagnosis.run(caller, workflow, signal);
  }

  /** NOT_FOUND for a prompt that is not the caller's. */
  async state(caller: Caller, promptId: string, signal: AbortSignal): Promise<PromptState> {
    const tracked = this.#parts.tracker.get(promptId);
    if (tracked && !owns(caller, tracked.key)) throw unknown(promptId);
    if (tracked && tracked.phase !== 'ended') {
      const position = tracked.phase === 'queued' ? await this.#position(tracked.instance, promptId) : undefined;
      return stateOfTracked(tracked, { seq: this.#parts.feed.seq(promptId), position, publicUrl: this.#parts.publicUrl });
    }
    const record = await this.#record(caller, promptId);
    if (record?.state === 'submitted') return this.#stateElsewhere(record);
    return record ? stateOfRecord(record, await this.#storedFiles(promptId)) : this.#foreignState(promptId, signal);
  }

  /** The bare history entry, digits kept, with `state` and, after a failure, `error`; `{}` until the prompt has ended. */
  async history(caller: Caller, promptId: string, signal: AbortSignal): Promise<unknown> {
    const record = await this.#record(caller, promptId);
    if (record?.state === 'submitted') return {};
    if (!record) return described((await this.#foreign(promptId, signal)).entry);
    const entry = await this.#storedEntry(promptId);
    const { error, reason } = detailOf(record);
    const told = { state: record.state, ...(error ? { error } : {}), ...(reason === undefined ? {} : { reason }) };
    return entry ? { ...withClient(entry, record.clientId), ...told } : { prompt: [], outputs: {}, status: null, ...told };
  }

  /** Every file and text that the prompt has made so far. */
  async images(caller: Caller, promptId: string, signal: AbortSignal): Promise<OutputFile[]> {
    const tracked = this.#parts.tracker.get(promptId);
    if (tracked && tracked.phase !== 'ended' && owns(caller, tracked.key)) return outputFiles(promptId, tracked.outputs, this.#parts.publicUrl);
    const record = await this.#record(caller, promptId);
    if (record) return this.#storedFiles(promptId);
    const { entry } = await this.#foreign(promptId, signal);
    return entry ? outputFiles(promptId, entry.outputs, this.#parts.publicUrl) : [];
  }

  /** Without an id: everything of the caller that runs now. */
  async interrupt(caller: Caller, promptId: string | undefined, signal: AbortSignal): Promise<InterruptAnswer> {
    const promptIds = promptId === undefined ? await this.#interruption.running(caller, signal) : [promptId];
    const results = await Promise.all(promptIds.map(async (id) => ({ prompt_id: id, outcome: await this.#interruption.stop(caller, id, signal) })));
    return { results };
  }

  /** The caller's record; undefined for an admin who asks for what no caller of ours made. */
  async #record(caller: Caller, promptId: string): Promise<PromptRecord | undefined> {
    const record = await this.#parts.records.prompts.find(promptId);
    if (!owns(caller, record?.key)) throw unknown(promptId);
    return record;
  }

  async #storedEntry(promptId: string): Promise<HistoryEntry | undefined> {
    const text = await this.#parts.records.prompts.history(promptId);
    return text === undefined ? undefined : this.#parts.comfyui.history.parse(text);
  }

  async #storedFiles(promptId: string): Promise<OutputFile[]> {
    const entry = await this.#storedEntry(promptId);
    return entry ? outputFiles(promptId, entry.outputs, this.#parts.publicUrl) : [];
  }

  async #position(instanceName: string, promptId: string): Promise<number | undefined> {
    const instance = this.#parts.pool.get(instanceName);
    if (!instance || !this.#parts.pool.isHealthy(instanceName)) return undefined;
    const snapshot = await this.#parts.comfyui.queue.glance(instance).catch(() => undefined);
    const position = snapshot?.pending.findIndex((entry) => entry.promptId === promptId) ?? -1;
    return position < 0 ? undefined : position;
  }

  /** A prompt that somebody gave to ComfyUI directly, for an admin. */
  async #foreign(promptId: string, signal: AbortSignal): Promise<{ instance: string; state: 'queued' | 'running' | 'ended'; position?: number; entry?: HistoryEntry }> {
    const { found, incomplete } = await this.#search.everywhere(promptId, AbortSignal.any([signal, AbortSignal.timeout(limits.showingPatience)]));
    if (!found) throw incomplete ? fail('CONNECTION_ERROR', `not every instance could be asked for prompt "${promptId}".`) : unknown(promptId);
    const instance = found.instance.name;
    if (found.at.place === 'history') return { instance, state: 'ended', entry: found.at.entry };
    return found.at.place === 'running' ? { instance, state: 'running' } : { instance, state: 'queued', position: found.at.position };
  }

  /** A prompt that another process follows: as its instance shows it. One that has left the queue is over when that process has written so. */
  async #stateElsewhere(record: PromptRecord): Promise<PromptState> {
    const { pool, comfyui } = this.#parts;
    const instance = pool.isHealthy(record.instance) ? pool.get(record.instance) : undefined;
    const snapshot = instance && (await comfyui.queue.glance(instance).catch(() => undefined));
    const told = stateOfRecord(record, []);
    if (!snapshot) return told;
    const position = snapshot.pending.findIndex((entry) => entry.promptId === record.promptId);
    if (position >= 0) return { ...told, position };
    return record.acceptedAt !== undefined || snapshot.running.some((entry) => entry.promptId === record.promptId) ? { ...told, state: 'running' } : told;
  }

  async #foreignState(promptId: string, signal: AbortSignal): Promise<PromptState> {
    const { instance, state, position, entry } = await this.#foreign(promptId, signal);
    if (!entry) return { prompt_id: promptId, state: state === 'running' ? 'running' : 'queued', instance, ...(position === undefined ? {} : { position }) };
    const ending = endingOf(entry);
    return { prompt_id: promptId, state: ending.state, instance, outputs: outputFiles(promptId, entry.outputs, this.#parts.publicUrl), ...(ending.error ? { error: ending.error } : {}) };
  }
}

function described(entry: HistoryEntry | undefined): unknown {
  if (!entry) return {};
  const { state, error } = endingOf(entry);
  return { ...entry, state, ...(error ? { error } : {}) };
}

/** The client id in an entry is that of our process; the caller reads its own. */
function withClient(entry: HistoryEntry, clientId: string): HistoryEntry {
  const extra = entry.prompt[3];
  if (typeof extra !== 'object' || extra === null) return entry;
  return { ...entry, prompt: entry.prompt.with(3, { ...extra, client_id: clientId }) };
}

function unknown(promptId: string): Error {
  return fail('NOT_FOUND', `prompt "${promptId}".`);
}
