import { fail, type GatewayError } from '../../core/errors.ts';
import { HttpFailure } from '../../core/http-failure.ts';
import type { HubCancelOutcome, HubProgress, HubRun, HubSubmitOutcome, HubTask, HubUpload, RunningHubApi } from '../../models/runninghub.ts';
import { type Answer, answerOf, errorOf, unreadable } from './answer.ts';
import type { Call, Calls, RawAnswer } from './calls.ts';
import { type CodeRow, statusRow } from './codes.ts';
import { valueOf } from './requests.ts';
import { submitted, unsent } from './submits.ts';
import { bare, extensionOf, goneTask } from './tasks.ts';
import { AltTask, AltUploaded, isId, isRecord } from './wire.ts';

const missing = (sentence: string): CodeRow => ({ name: '', kind: 'workflow_not_found', retry: 'no', error: 'ENGINE_WORKFLOW_NOT_FOUND', sentence });

/**
 * UNPROVEN. A dialect of which one description is known, and neither an official document nor a program that speaks it:
 * `/v1/upload`, `/v1/workflows/{id}/run`, `/v1/tasks/{id}`, with the key in the header and HTTP statuses for errors. Names
 * of fields beyond `task_id` and `inputs` are guesses. What it has no call for is refused.
 */
export class AltV1Api implements RunningHubApi {
  readonly #calls: Calls;

  constructor(calls: Calls) {
    this.#calls = calls;
  }

  /** Answers an address, which is what inputs take here. */
  async upload(file: HubUpload, signal: AbortSignal): Promise<{ fileName: string }> {
    const raw = await this.#calls.upload({ path: '/v1/upload', fields: {} }, file, signal).catch((error: unknown) => {
      throw this.#calls.unanswered('POST /v1/upload', error);
    });
    const { url } = AltUploaded.parse(this.#good(raw));
    if (url === undefined) throw unreadable(altAnswer(raw), 'the address of a file');
    return { fileName: url };
  }

  /** Entries of nodeInfoList become `inputs` by the names of their fields; the node does not matter. */
  async runWorkflow(workflowId: string, run: HubRun, signal: AbortSignal): Promise<HubSubmitOutcome> {
    const inputs = new Map(run.nodeInfoList.map((entry) => [entry.fieldName, valueOf(entry.fieldValue)]));
    if (inputs.size < run.nodeInfoList.length) return { kind: 'refused', error: fail('VALIDATION_ERROR', 'the alt-v1 dialect knows inputs by their names alone, and two have the same.'), again: undefined };
    if (!isId(workflowId)) return { kind: 'refused', error: fail('ENGINE_WORKFLOW_NOT_FOUND', `"${workflowId.slice(0, 200)}" is no id of a workflow.`), again: undefined };
    const call = { method: 'POST', path: `/v1/workflows/${workflowId}/run`, body: { inputs: Object.fromEntries(inputs) }, about: `workflow ${workflowId}` } as const;
    if (signal.aborted) return unsent(this.#calls.unanswered(`POST ${call.path}`, new HttpFailure('aborted', 'the caller gave up before it was sent', { cause: undefined })), 'refused');
    try {
      return this.#outcome(await this.#calls.send(call, signal));
    } catch (error) {
      if (!(error instanceof HttpFailure)) throw error;
      return unsent(this.#calls.unanswered(`POST ${call.path}`, error), error.kind);
    }
  }

  async outputs(taskId: string, signal: AbortSignal): Promise<HubTask> {
    if (!isId(taskId)) return goneTask;
    const raw = await this.#ask({ method: 'GET', path: `/v1/tasks/${taskId}` }, signal);
    return raw.status === 404 ? goneTask : taskOf(this.#good(raw));
  }

  async status(taskId: string, signal: AbortSignal): Promise<HubTask> {
    return bare((await this.outputs(taskId, signal)).state);
  }

  async query(taskId: string, signal: AbortSignal): Promise<HubTask> {
    return this.outputs(taskId, signal);
  }

  async runApp(): Promise<HubSubmitOutcome> {
    return { kind: 'refused', error: lacking('AI apps'), again: undefined };
  }

  async *progress(): AsyncGenerator<HubProgress, void> {
    throw lacking('progress');
  }

  async cancel(): Promise<HubCancelOutcome> {
    return 'not_supported';
  }

  async accountStatus(): Promise<never> {
    throw lacking('accounts');
  }

  async queueStatus(): Promise<never> {
    throw lacking('queues');
  }

  async appInfo(): Promise<never> {
    throw lacking('AI apps');
  }

  async workflowFormat(): Promise<never> {
    throw lacking('graphs');
  }

  #outcome(raw: RawAnswer): HubSubmitOutcome {
    const { task_id: taskId } = AltTask.parse(isRecord(raw.json) ? raw.json : {});
    if (isGood(raw) && taskId !== undefined && isId(taskId)) return { kind: 'accepted', taskId, state: 'queued', faults: [] };
    const row = raw.status === 404 ? missing('There is no workflow with this id.') : statusRow(raw.status);
    return submitted({ ...altAnswer(raw), row }, this.#calls.url);
  }

  #good(raw: RawAnswer): Readonly<Record<string, unknown>> {
    if (!isGood(raw)) throw errorOf(altAnswer(raw), this.#calls.url);
    if (!isRecord(raw.json)) throw unreadable(altAnswer(raw), 'JSON');
    return raw.json;
  }

  async #ask(call: Call, signal: AbortSignal): Promise<RawAnswer> {
    return this.#calls.send(call, signal).catch((error: unknown) => {
      throw this.#calls.unanswered(`${call.method} ${call.path}`, error);
    });
  }
}

const isGood = (raw: RawAnswer): boolean => raw.status >= 200 && raw.status < 300;
/** There are no codes here: the status decides alone. */
const altAnswer = (raw: RawAnswer): Answer => ({ ...answerOf({ ...raw, json: {} }), row: statusRow(raw.status) });

function lacking(what: string): GatewayError {
  return fail('UPSTREAM_ERROR', `the alt-v1 dialect has no call for ${what}; the official one (v1) has.`, { retryable: false });
}

const words: ReadonlyMap<string, HubTask['state']> = new Map([['pending', 'queued'], ['queued', 'queued'], ['running', 'running'], ['completed', 'succeeded'], ['failed', 'failed'], ['cancelled', 'cancelled']]);

function taskOf(body: Readonly<Record<string, unknown>>): HubTask {
  const task = AltTask.parse(body);
  const state = words.get(task.status?.toLowerCase() ?? '') ?? 'unknown';
  if (state === 'failed') return { ...bare('failed'), failure: { code: 'WORKFLOW_EXECUTION_ERROR', reason: task.error === undefined ? 'The task failed, and RunningHub does not say why.' : `RunningHub says "${task.error.slice(0, 2_000)}".` } };
  if (state !== 'succeeded') return bare(state);
  const urls = (isRecord(task.result) ? Object.values(task.result) : [task.result]).flat().filter((value): value is string => typeof value === 'string' && /^https?:\/\//i.test(value));
  return { ...bare('succeeded'), outputs: urls.map((url) => ({ url, text: undefined, fileType: extensionOf(url).toLowerCase(), nodeId: undefined })) };
}
