import { fail, failedWith } from '../../core/errors.ts';
import { type FileRef, fileTypes, type OutputFile } from '../../models/file.ts';
import type { Engine, EngineEvent, EngineHealth, EngineJob, EngineJobRef, EngineOutput, HandedOver } from '../../models/engine.ts';
import type { PromptRecord } from '../../models/records.ts';
import { follow } from './comfyui-following.ts';
import type { ComfyuiEngineOptions, ComfyuiEngineParts } from './parts.ts';

/** Milliseconds that a cancel waits for an instance. */
const CANCEL_MS = 15_000;

/** ComfyUI servers as an engine: tasks run as prompts, so that everything that holds for prompts holds for them. */
export class ComfyuiEngine implements Engine {
  readonly type = 'comfyui';
  readonly name: string;
  readonly #parts: ComfyuiEngineParts;
  readonly #options: ComfyuiEngineOptions;

  constructor(parts: ComfyuiEngineParts, options: ComfyuiEngineOptions) {
    this.#parts = parts;
    this.#options = options;
    this.name = options.name;
  }

  capacity(): number {
    const healthy = this.#parts.pool.healthy().filter(({ name }) => this.#uses(name)).length;
    return Math.min(healthy * this.#options.perInstance, healthy > 0 ? (this.#options.concurrency ?? Infinity) : 0);
  }

  async health(): Promise<Pick<EngineHealth, 'healthy' | 'reason' | 'instances'>> {
    const all = this.#parts.pool.statuses(0).filter(({ instance }) => this.#uses(instance));
    const healthy = all.some((one) => one.healthy);
    const reasons = all.flatMap(({ instance, last_error: error }) => (error === undefined ? [] : [`${instance}: ${error}`]));
    return {
      healthy,
      ...(healthy ? {} : { reason: `No ComfyUI server is connected (${reasons.join('; ') || all.map((one) => one.instance).join(', ')}). Is ComfyUI running there, and do COMFYUI_URLS name it?` }),
      instances: all.map((one) => ({ instance: one.instance, healthy: one.healthy, sandbox: one.sandbox })),
    };
  }

  async submit(job: EngineJob, signal: AbortSignal): Promise<HandedOver> {
    const ref = { id: job.id, caller: job.caller };
    const request = { workflow: job.workflow, prompt_id: job.id, client_id: job.clientId, ...(job.extraData === undefined ? {} : { extra_data: job.extraData }) };
    try {
      const answer = await this.#parts.prompts.submit(job.caller, { ...request, taskId: job.taskId, avoid: job.avoid, only: this.#options.instances, halt: signal }, signal);
      return { job: ref, instance: answer.instance, warnings: answer.warnings ?? [] };
    } catch (error) {
      // Nobody knows whether the instance has it, or it was stopped on its way: watching tells.
      if (failedWith(error) && error.promptId === job.id) return { job: ref, instance: this.#parts.tracker.get(job.id)?.instance, warnings: [] };
      throw error;
    }
  }

  /** The record of a prompt is written before anything is sent: without one, nothing was. */
  async knows({ id }: EngineJobRef): Promise<boolean> {
    return (await this.#parts.records.find(id)) !== undefined;
  }

  watch({ id }: EngineJobRef, signal: AbortSignal): AsyncIterable<EngineEvent> {
    return follow(id, this.#parts, signal);
  }

  async *outputs({ id, caller }: EngineJobRef, signal: AbortSignal): AsyncGenerator<EngineOutput, void> {
    const record = await this.#parts.records.find(id);
    if (!record) throw fail('PROMPT_LOST', `prompt ${id} is not recorded.`);
    for (const file of await this.#parts.prompts.images(caller, id, signal)) {
      yield { file, folder: id, open: (limit) => this.#open(record, file, limit) };
    }
  }

  async cancel({ id, caller }: EngineJobRef): Promise<void> {
    await this.#parts.prompts.interrupt(caller, id, AbortSignal.timeout(CANCEL_MS)).catch((error: unknown) => {
      if (!failedWith(error, 'NOT_FOUND')) throw error;
    });
  }

  #uses(instance: string): boolean {
    return this.#options.instances?.includes(instance) ?? true;
  }

  async #open({ instance: name }: PromptRecord, file: OutputFile, signal: AbortSignal): ReturnType<EngineOutput['open']> {
    const instance = this.#parts.pool.get(name);
    const ref = refOf(file);
    if (!instance || !ref) throw fail('IMAGE_NOT_FOUND', `"${file.filename}" is on instance ${name}, which is not configured any more.`);
    const found = await this.#parts.files.view(instance, { ref }, signal);
    if (found.status === 200) return { body: found.body, size: found.headers.contentLength };
    found.body.destroy();
    throw found.status === 404 ? fail('IMAGE_NOT_FOUND', `instance ${name} does not have "${file.filename}" any more.`) : fail('UPSTREAM_ERROR', `instance ${name} answered GET /view with ${found.status}.`);
  }
}

function refOf({ filename, subfolder, type: given }: OutputFile): FileRef | undefined {
  const type = fileTypes.find((known) => known === given);
  return type && { filename, subfolder, type };
}
