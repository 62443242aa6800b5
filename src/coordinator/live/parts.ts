import type { Logger } from '../../core/logger.ts';
import type { FileRef } from '../../models/file.ts';
import type { PromptRecords } from '../../models/records.ts';
import type { TaskStore } from '../../models/task-store.ts';
import type { ComfyuiEvents } from '../../molecules/comfyui-events/events.ts';
import type { ComfyuiHistory } from '../../molecules/comfyui-history/history.ts';
import type { ComfyuiInfo } from '../../molecules/comfyui-info/info.ts';
import type { ComfyuiQueue } from '../../molecules/comfyui-queue/queue.ts';
import type { EventFeed } from '../../molecules/event-feed/feed.ts';
import type { InstancePool } from '../../molecules/instance-pool/pool.ts';
import type { PromptTracker } from '../../molecules/prompt-tracker/tracker.ts';

/** The molecules that following prompts is made of. */
export interface LiveParts {
  readonly comfyui: { readonly events: ComfyuiEvents; readonly queue: ComfyuiQueue; readonly history: ComfyuiHistory; readonly info: ComfyuiInfo };
  readonly records: PromptRecords;
  readonly tasks: Pick<TaskStore, 'findMany' | 'events'>;
  readonly pool: InstancePool;
  readonly tracker: PromptTracker;
  readonly feed: EventFeed;
  /** Of the connections; and of what becomes of prompts. */
  readonly log: { readonly client: Logger; readonly tasks: Logger };
  /** Client id of this process towards ComfyUI. */
  readonly clientId: string;
  /** Name of this process in the records. */
  readonly process: string;
  readonly publicUrl: string;
  /** Milliseconds a prompt may run, and an instance may be away. */
  readonly promptLimit: number;
  /** Outputs of a finished prompt, to be copied. */
  readonly mirror: (promptId: string, instance: string, refs: readonly FileRef[]) => void;
  readonly now: () => number;
  readonly random: () => number;
  readonly sleep: (ms: number, signal: AbortSignal) => Promise<void>;
}
