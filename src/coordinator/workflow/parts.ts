import type { ComfyuiFiles } from '../../models/comfyui-files.ts';
import type { Readable } from 'node:stream';
import type { InputRecord, InputRecords, PromptRecords } from '../../models/records.ts';
import type { ComfyuiHistory } from '../../molecules/comfyui-history/history.ts';
import type { ComfyuiInfo } from '../../molecules/comfyui-info/info.ts';
import type { ComfyuiQueue } from '../../molecules/comfyui-queue/queue.ts';
import type { ComfyuiWorkflow } from '../../molecules/comfyui-workflow/workflow.ts';
import type { EventFeed } from '../../molecules/event-feed/feed.ts';
import type { InstancePool } from '../../molecules/instance-pool/pool.ts';
import type { PromptTracker } from '../../molecules/prompt-tracker/tracker.ts';
import type { Logger } from '../../core/logger.ts';

/** What ComfyUI is asked through. */
export interface ComfyuiParts {
  readonly workflow: ComfyuiWorkflow;
  readonly queue: ComfyuiQueue;
  readonly history: ComfyuiHistory;
  readonly info: ComfyuiInfo;
  readonly files: ComfyuiFiles;
}

/** The molecules that workflows are made of. */
export interface WorkflowParts {
  readonly comfyui: ComfyuiParts;
  readonly records: { readonly prompts: PromptRecords; readonly inputs: InputRecords; readonly open: (record: InputRecord) => Readable };
  readonly pool: InstancePool;
  readonly tracker: PromptTracker;
  readonly feed: EventFeed;
  readonly log: Logger;
  /** Client id of this process towards ComfyUI. */
  readonly clientId: string;
  /** Name of this process in the records. */
  readonly process: string;
  /** Address that file URLs begin with; empty for paths. */
  readonly publicUrl: string;
  readonly newId: () => string;
  readonly now: () => number;
  /** Waits; rejects when the signal aborts. */
  readonly sleep: (ms: number, signal: AbortSignal) => Promise<void>;
}
