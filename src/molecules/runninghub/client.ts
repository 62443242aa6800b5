import type { HubAccount, HubAccountFacts, HubAccountStatus, HubApp, HubCancelOutcome, HubProgress, HubQueueStatus, HubRun, HubSubmitOutcome, HubTask, HubUpload, RunningHubApi } from '../../models/runninghub.ts';
import { baseUrlOf, keyOf } from './account.ts';
import { AltV1Api } from './alt-v1.ts';
import { type CallParts, Calls } from './calls.ts';
import { OfficialApi } from './official.ts';

/** One account of RunningHub, asked in its dialect. Throws VALIDATION_ERROR for an address or a key that cannot be one. */
export class RunningHub implements RunningHubApi {
  readonly facts: HubAccountFacts;
  readonly #api: RunningHubApi;

  constructor(parts: CallParts, account: HubAccount) {
    const { url, warning } = baseUrlOf(account.baseUrl);
    const { key, keyHadWhitespace, odd } = keyOf(account.apiKey);
    const calls = new Calls(parts, { url, key, keyPlace: account.keyPlace, timeoutMs: account.timeoutMs });
    const warnings = [
      ...(warning === undefined ? [] : [warning]),
      ...(keyHadWhitespace ? ['the API key of RunningHub came with blanks or line breaks, which were left out.'] : []),
      ...(odd === undefined ? [] : [`the API key of RunningHub ${odd}.`]),
      ...(account.dialect === 'alt-v1' ? ['the alt-v1 dialect of RunningHub is unproven: no official document knows it.'] : []),
    ];
    this.facts = { url, keyHadWhitespace, warnings };
    this.#api = account.dialect === 'alt-v1' ? new AltV1Api(calls) : new OfficialApi(calls);
  }

  async upload(file: HubUpload, signal: AbortSignal): Promise<{ fileName: string }> {
    return this.#api.upload(file, signal);
  }

  async runWorkflow(workflowId: string, run: HubRun, signal: AbortSignal): Promise<HubSubmitOutcome> {
    return this.#api.runWorkflow(workflowId, run, signal);
  }

  async runApp(webappId: string, run: HubRun, signal: AbortSignal): Promise<HubSubmitOutcome> {
    return this.#api.runApp(webappId, run, signal);
  }

  async outputs(taskId: string, signal: AbortSignal): Promise<HubTask> {
    return this.#api.outputs(taskId, signal);
  }

  async status(taskId: string, signal: AbortSignal): Promise<HubTask> {
    return this.#api.status(taskId, signal);
  }

  async query(taskId: string, signal: AbortSignal): Promise<HubTask> {
    return this.#api.query(taskId, signal);
  }

  progress(taskId: string, signal: AbortSignal): AsyncIterable<HubProgress> {
    return this.#api.progress(taskId, signal);
  }

  async cancel(taskId: string, signal: AbortSignal): Promise<HubCancelOutcome> {
    return this.#api.cancel(taskId, signal);
  }

  async accountStatus(signal: AbortSignal): Promise<HubAccountStatus> {
    return this.#api.accountStatus(signal);
  }

  async queueStatus(signal: AbortSignal): Promise<HubQueueStatus> {
    return this.#api.queueStatus(signal);
  }

  async appInfo(webappId: string, signal: AbortSignal): Promise<HubApp> {
    return this.#api.appInfo(webappId, signal);
  }

  async workflowFormat(workflowId: string, signal: AbortSignal): Promise<Readonly<Record<string, unknown>>> {
    return this.#api.workflowFormat(workflowId, signal);
  }
}
