import { fail, failedWith, reasonOf } from '../../core/errors.ts';
import type { EngineOutput } from '../../models/engine.ts';
import type { TaskOutput } from '../../models/task.ts';
import type { WorkerParts } from './parts.ts';
import { StepFailed } from './step-end.ts';
import { counting } from './views.ts';

/** Files of one task that are fetched at the same time. */
const AT_ONCE = 4;
/** Milliseconds before each further try; the job itself is not made again. */
const PAUSES = [250, 1_000, 3_000, 8_000, 15_000] as const;

export interface Kept {
  readonly outputs: readonly TaskOutput[];
  readonly warnings: readonly string[];
}

/** `lost`: its engine says that it is gone. */
interface KeptOne {
  readonly output: TaskOutput;
  readonly warning?: string;
  readonly lost?: string;
}

/** Brings outputs into the storage. One that cannot be stored is handed out from where its engine has it, with a warning. */
export class Keeping {
  readonly #parts: Pick<WorkerParts, 'storage' | 'sleep' | 'log'>;
  readonly #taskId: string;

  constructor(parts: Pick<WorkerParts, 'storage' | 'sleep' | 'log'>, taskId: string) {
    this.#parts = parts;
    this.#taskId = taskId;
  }

  /** `look` asks the engine what came out, and may be called again. `nodes`: those whose files count; undefined for all. */
  async keep(look: () => AsyncIterable<EngineOutput>, nodes: readonly string[] | undefined, signal: AbortSignal): Promise<Kept> {
    const found = await this.#persistently('the outputs of a job could not be listed yet', () => Array.fromAsync(look()), { signal });
    const outputs = found.filter(({ file }) => counting([file], nodes).length > 0);
    const kept: KeptOne[] = [];
    for (let from = 0; from < outputs.length; from += AT_ONCE) kept.push(...(await Promise.all(outputs.slice(from, from + AT_ONCE).map((output) => this.#one(output, signal)))));
    const [first] = kept;
    if (first?.lost !== undefined && kept.every((one) => one.lost !== undefined)) throw lost(first.output.filename, first.lost, false);
    const none = outputs.length === 0 && found.length > 0 ? [`None of the ${found.length} outputs counts: they came from node ${[...new Set(found.map(({ file }) => file.node_id))].join(', ')}, and outputs of ${nodes?.join(', ')} alone were asked for.`] : [];
    return { outputs: kept.map(({ output }) => output), warnings: [...none, ...kept.flatMap(({ warning }) => warning ?? [])] };
  }

  async #one(output: EngineOutput, signal: AbortSignal): Promise<KeptOne> {
    const { file, fleeting } = output;
    if (file.kind === 'text' && file.filename === '') return { output: file };
    try {
      const { url, size } = await this.#persist(output, signal);
      return { output: { ...file, ...(url === undefined ? {} : { url }), ...(size === undefined ? {} : { size }) } };
    } catch (error) {
      if (signal.aborted || !failedWith(error)) throw error;
      const { code, message: reason } = error;
      if (code === 'IMAGE_NOT_FOUND' && !fleeting) throw lost(file.filename, reason, true);
      this.#parts.log.warn('an output could not be stored; it is served from its engine', { task_id: this.#taskId, filename: file.filename, reason });
      if (fleeting && code === 'IMAGE_NOT_FOUND') return { output: withoutUrl(file), lost: reason, warning: `"${file.filename}" was made, and was not there when it was to be fetched (${reason}).` };
      if (fleeting) return { output: { ...file, url: fleeting.url }, warning: `"${file.filename}" could not be stored (${reason}); its URL is that of where it was made, for about a day: send no key there.` };
      return { output: file, warning: `"${file.filename}" could not be stored (${reason}); it is fetched from where it was made for as long as it is there.` };
    }
  }

  /** Where it was just made, it may be there a moment later. */
  #persist(output: EngineOutput, signal: AbortSignal): ReturnType<WorkerParts['storage']['keep']> {
    return this.#persistently('an output could not be stored yet', () => this.#parts.storage.keep(output, signal), { signal, patient: output.fleeting !== undefined });
  }

  async #persistently<T>(what: string, deed: () => Promise<T>, { signal, patient = false }: { readonly signal: AbortSignal; readonly patient?: boolean }): Promise<T> {
    for (const pause of PAUSES) {
      try {
        return await deed();
      } catch (error) {
        if (signal.aborted || failedWith(error, 'FILE_OPERATION_ERROR', 'PROMPT_LOST') || (!patient && failedWith(error, 'IMAGE_NOT_FOUND'))) throw error;
        this.#parts.log.debug(what, { task_id: this.#taskId, reason: reasonOf(error) });
        await this.#parts.sleep(pause, signal);
      }
    }
    return deed();
  }
}

const withoutUrl = ({ url: _, ...file }: TaskOutput): TaskOutput => file;

/** The job is over and its file is gone, as after a restart of the engine, or where it answered out of its cache after its folder was emptied. */
function lost(filename: string, why: string, again: boolean): StepFailed {
  return new StepFailed({ code: 'IMAGE_NOT_FOUND', reason: fail('IMAGE_NOT_FOUND', `"${filename}" was made, and its engine does not have it any more (${why}).`).message }, { again });
}
