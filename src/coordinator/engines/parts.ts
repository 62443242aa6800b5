import type { Caller } from '../../models/caller.ts';
import type { ComfyuiFiles } from '../../models/comfyui-files.ts';
import type { OutputFile } from '../../models/file.ts';
import type { PromptRecords } from '../../models/records.ts';
import type { InterruptAnswer, SubmitAnswer, SubmitRequest } from '../../models/workflow.ts';
import type { InstancePool } from '../../molecules/instance-pool/pool.ts';
import type { PromptTracker } from '../../molecules/prompt-tracker/tracker.ts';

/** Where a prompt may go, and whose it is: not for callers to say. */
export interface PromptOptions {
  readonly taskId: string;
  readonly avoid: readonly string[];
  readonly only: readonly string[] | undefined;
  readonly halt: AbortSignal;
}

/** What the engine asks of direct prompts. A job is a prompt whose id was chosen beforehand. */
export interface Prompts {
  submit(caller: Caller, request: SubmitRequest & PromptOptions, signal: AbortSignal): Promise<SubmitAnswer>;
  images(caller: Caller, promptId: string, signal: AbortSignal): Promise<OutputFile[]>;
  interrupt(caller: Caller, promptId: string, signal: AbortSignal): Promise<InterruptAnswer>;
}

export interface ComfyuiEngineParts {
  readonly prompts: Prompts;
  readonly records: Pick<PromptRecords, 'find'>;
  readonly tracker: PromptTracker;
  readonly pool: InstancePool;
  readonly files: Pick<ComfyuiFiles, 'view'>;
  readonly publicUrl: string;
  readonly sleep: (ms: number, signal: AbortSignal) => Promise<void>;
}

export interface ComfyuiEngineOptions {
  readonly name: string;
  /** Names of the instances that it uses; undefined for all. */
  readonly instances: readonly string[] | undefined;
  /** Jobs at once, whatever the number of instances. */
  readonly concurrency: number | undefined;
  /** Jobs that each instance is given at once: one that runs, and one that follows without a pause. */
  readonly perInstance: number;
}
