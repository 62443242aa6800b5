import type { Logger } from '../../core/logger.ts';
import type { ComfyuiFiles } from '../../models/comfyui-files.ts';
import type { InputRecords, PromptRecords } from '../../models/records.ts';
import type { InputStore } from '../../molecules/input-store/input-store.ts';
import type { InstancePool } from '../../molecules/instance-pool/pool.ts';
import type { OutputStore } from '../../molecules/output-store/output-store.ts';

/** The molecules that keeping copies is made of. */
export interface MirrorParts {
  readonly files: ComfyuiFiles;
  readonly records: { readonly prompts: PromptRecords; readonly inputs: InputRecords };
  readonly stores: { readonly outputs: OutputStore; readonly inputs: InputStore };
  readonly pool: InstancePool;
  readonly log: Logger;
  readonly limits: { readonly enabled: boolean; readonly maxBytes: number; readonly maxAgeMs: number };
  readonly now: () => number;
  readonly random: () => number;
  readonly sleep: (ms: number, signal: AbortSignal) => Promise<void>;
}
