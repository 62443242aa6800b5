import type { Logger } from '../../core/logger.ts';
import type { ComfyuiFiles } from '../../models/comfyui-files.ts';
import type { FileRef } from '../../models/file.ts';
import type { InputRecords, PromptRecords } from '../../models/records.ts';
import type { Converter } from '../../molecules/conversion/conversion.ts';
import type { InputStore } from '../../molecules/input-store/input-store.ts';
import type { InstancePool } from '../../molecules/instance-pool/pool.ts';
import type { GrowingCopy, OutputStore } from '../../molecules/output-store/output-store.ts';

/** The molecules that handing files over and fetching them is made of. */
export interface ImageParts {
  readonly files: ComfyuiFiles;
  readonly records: { readonly inputs: InputRecords; readonly prompts: PromptRecords };
  readonly stores: { readonly inputs: InputStore; readonly outputs: OutputStore };
  readonly pool: InstancePool;
  readonly converter: Converter;
  readonly log: Logger;
  readonly publicUrl: string;
  readonly now: () => number;
  /** Instance of a prompt that runs and has made this file; undefined when it has not. */
  readonly liveOutput: (promptId: string, ref: FileRef) => { readonly key: string; readonly instance: string } | undefined;
  /** Owner of the task that keeps files of its own: what it made lies at no instance. */
  readonly taskOwner?: (taskId: string) => Promise<string | undefined>;
  /** The copy that is being made of an output, begun now if it has not been yet. Throws CONNECTION_ERROR. */
  readonly following: (promptId: string, ref: FileRef) => Promise<GrowingCopy | undefined>;
}
