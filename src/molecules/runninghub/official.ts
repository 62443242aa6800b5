import { stringifyJson } from '../../atoms/json/json.ts';
import { limits } from '../../constants/limits.ts';
import { fail } from '../../core/errors.ts';
import { HttpFailure } from '../../core/http-failure.ts';
import type { HubAccountStatus, HubApp, HubCancelOutcome, HubProgress, HubQueueStatus, HubRun, HubSubmitOutcome, HubTask, HubUpload, RunningHubApi } from '../../models/runninghub.ts';
import { type Answer, answerOf, errorOf, unreadable } from './answer.ts';
import { appOf } from './app-info.ts';
import type { Call, Calls, RawAnswer } from './calls.ts';
import { progressOf } from './progress.ts';
import { bodyOf, namedForUpload } from './requests.ts';
import { cleansed, redactorOf } from './redact.ts';
import { submitted, unsent } from './submits.ts';
import { taskOfOutputs, taskOfQuery, taskOfStatus } from './tasks.ts';
import { AccountStatus, App, isRecord, jsonOf, QueueStatus, Uploaded, WorkflowFormat } from './wire.ts';

/** The documented API: calls of the first generation, and those of the second where it alone can tell. */
export class OfficialApi implements RunningHubApi {
  readonly #calls: Calls;

  constructor(calls: Calls) {
    this.#calls = calls;
  }

  async upload(file: HubUpload, signal: AbortSignal): Promise<{ fileName: string }> {
    if (file.size > limits.runninghubUploadBytes) throw fail('PAYLOAD_TOO_LARGE', `RunningHub takes files of up to ${limits.runninghubUploadBytes} bytes, and this one has ${file.size}.`);
    const first = await this.#upload(file, signal);
    const answer = first.row.retry === 'once' ? await this.#upload(file, signal) : first;
    if (answer.row.kind !== 'ok') throw errorOf(answer, this.#calls.url);
    const fileName = isRecord(answer.data) ? Uploaded.parse(answer.data) : undefined;
    if (fileName === undefined) throw unreadable(answer, 'the name of a file');
    return { fileName };
  }

  async runWorkflow(workflowId: string, run: HubRun, signal: AbortSignal): Promise<HubSubmitOutcome> {
    const body = { workflowId, ...bodyOf(run), addMetadata: run.addMetadata, ...(run.workflow ? { workflow: stringifyJson(run.workflow) } : {}) };
    return this.#submit({ ...v1('/task/openapi/create', body), about: `workflow ${workflowId}` }, run, signal);
  }

  async runApp(webappId: string, run: HubRun, signal: AbortSignal): Promise<HubSubmitOutcome> {
    return this.#submit({ ...v1('/task/openapi/ai-app/run', { webappId, ...bodyOf(run) }), about: `app ${webappId}` }, run, signal);
  }

  async outputs(taskId: string, signal: AbortSignal): Promise<HubTask> {
    return this.#task(v1('/task/openapi/outputs', { taskId }), taskOfOutputs, signal);
  }

  async status(taskId: string, signal: AbortSignal): Promise<HubTask> {
    return this.#task(v1('/task/openapi/status', { taskId }), taskOfStatus, signal);
  }

  async query(taskId: string, signal: AbortSignal): Promise<HubTask> {
    return this.#task({ method: 'POST', path: '/openapi/v2/query', body: { taskId } }, taskOfQuery, signal);
  }

  /** The address is told where a task runs, by the older of the calls alone. */
  async *progress(taskId: string, signal: AbortSignal): AsyncGenerator<HubProgress, void> {
    const { url, redact } = this.#calls;
    const address = await this.#calls.socketAddress(v1('/task/openapi/outputs', { taskId }), signal).catch((error: unknown) => {
      throw this.#calls.unanswered('POST /task/openapi/outputs', error);
    });
    if (address !== undefined) yield* progressOf({ address, url, redact }, signal);
  }

  async cancel(taskId: string, signal: AbortSignal): Promise<HubCancelOutcome> {
    const answer = await this.#ask(v1('/task/openapi/cancel', { taskId }), signal);
    const { kind } = answer.row;
    if (kind === 'ok') return 'requested';
    if (kind === 'ended') return 'already_ended';
    if (kind === 'task_not_found') return 'not_found';
    throw errorOf(answer, this.#calls.url);
  }

  async accountStatus(signal: AbortSignal): Promise<HubAccountStatus> {
    const { data } = await this.#good({ method: 'POST', path: '/uc/openapi/accountStatus', keyField: 'apikey' }, 'an account', signal);
    const account = AccountStatus.parse(data);
    return { coins: account.remainCoins, money: account.remainMoney, currency: account.currency, keyType: account.apiType, running: account.currentTaskCounts };
  }

  async queueStatus(signal: AbortSignal): Promise<HubQueueStatus> {
    const { data } = await this.#good({ method: 'GET', path: '/openapi/v2/queue/status' }, 'a queue', signal);
    const queue = QueueStatus.parse(data);
    return { concurrentLimit: queue.concurrentLimit, running: queue.runningCount, queued: queue.queuedCount, keyType: queue.apiKeyType };
  }

  async appInfo(webappId: string, signal: AbortSignal): Promise<HubApp> {
    const { data } = await this.#good({ method: 'GET', path: '/api/webapp/apiCallDemo', query: { webappId }, keyField: 'apiKey', about: `app ${webappId}` }, 'an app', signal);
    return appOf(App.parse(data));
  }

  async workflowFormat(workflowId: string, signal: AbortSignal): Promise<Readonly<Record<string, unknown>>> {
    const answer = await this.#good({ ...v1('/api/openapi/getJsonApiFormat', { workflowId }), about: `workflow ${workflowId}` }, 'a workflow', signal);
    const { prompt } = WorkflowFormat.parse(answer.data);
    const graph = typeof prompt === 'string' ? jsonOf(prompt) : prompt;
    if (!isRecord(graph)) throw unreadable(answer, 'a graph');
    return graph;
  }

  async #upload(file: HubUpload, signal: AbortSignal): Promise<Answer> {
    const call = this.#calls.keyPlace === 'header' ? uploadOfV2 : { path: '/task/openapi/upload', fields: { fileType: 'input' }, keyField: 'apiKey' };
    const named = { ...file, name: namedForUpload(file) };
    const raw = await this.#calls.upload(call, named, signal).catch((error: unknown) => {
      throw this.#calls.unanswered(`POST ${call.path}`, error);
    });
    return answerOf(raw);
  }

  async #submit(call: Call, { accessPassword }: HubRun, signal: AbortSignal): Promise<HubSubmitOutcome> {
    const name = `${call.method} ${call.path}`;
    if (signal.aborted) return unsent(this.#calls.unanswered(name, new HttpFailure('aborted', 'the caller gave up before it was sent', { cause: undefined })), 'refused');
    try {
      return submitted(answerOf(without(accessPassword, await this.#calls.send(call, signal))), this.#calls.url);
    } catch (error) {
      if (!(error instanceof HttpFailure)) throw error;
      return unsent(this.#calls.unanswered(name, error), error.kind);
    }
  }

  async #task(call: Call, read: (answer: Answer) => HubTask | undefined, signal: AbortSignal): Promise<HubTask> {
    const answer = await this.#ask(call, signal);
    const task = read(answer);
    if (task) return task;
    throw answer.row.kind === 'ok' ? unreadable(answer, 'outputs') : errorOf(answer, this.#calls.url);
  }

  async #good(call: Call, what: string, signal: AbortSignal): Promise<Answer> {
    const answer = await this.#ask(call, signal);
    if (answer.row.kind !== 'ok') throw errorOf(answer, this.#calls.url);
    if (!isRecord(answer.data)) throw unreadable(answer, what);
    return answer;
  }

  async #ask(call: Call, signal: AbortSignal): Promise<Answer> {
    const raw = await this.#calls.send(call, signal).catch((error: unknown) => {
      throw this.#calls.unanswered(`${call.method} ${call.path}`, error);
    });
    return answerOf(raw);
  }
}

/** A password that RunningHub repeats is told to nobody, unless it is too short to be one. */
function without(password: string | undefined, raw: RawAnswer): RawAnswer {
  if (password === undefined) return raw;
  const redact = redactorOf(password, SHORTEST_PASSWORD);
  return { ...raw, json: cleansed(raw.json, redact), text: redact(raw.text) };
}

const SHORTEST_PASSWORD = 4;

/** Keys that are taken in the header alone have the upload of the second generation. */
const uploadOfV2 = { path: '/openapi/v2/media/upload/binary', fields: {} };

const v1 = (path: string, body: Readonly<Record<string, unknown>>): Call => ({ method: 'POST', path, body, keyField: 'apiKey' });
