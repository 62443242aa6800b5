/**
 * Where outputs of tasks are kept. What an implementation promises: a file is there as a whole or not at all; the bytes pass
 * through as a stream; keeping a file that is there already costs nothing and answers the same.
 */
import type { EngineOutput } from './engine.ts';

export interface KeptOutput {
  /** Where clients fetch it. */
  readonly url: string | undefined;
  /** Bytes, where known. */
  readonly size: number | undefined;
}

export interface OutputStorage {
  /** Throws FILE_OPERATION_ERROR, and what `open` of the output throws. */
  keep(output: EngineOutput, signal: AbortSignal): Promise<KeptOutput>;
  /** Removes all outputs of a job. */
  remove(folder: string): Promise<void>;
}
