import type { Logger } from '../../core/logger.ts';
import type { DeliveryStore } from '../../models/delivery-store.ts';
import type { Engine } from '../../models/engine.ts';
import type { OutputStorage } from '../../models/output-storage.ts';
import type { TaskStore } from '../../models/task-store.ts';
import type { TaskFeed } from '../../molecules/task-feed/task-feed.ts';
import type { Webhooks } from '../../molecules/webhooks/webhooks.ts';
import type { FetchLane } from './fetch-lane.ts';
import type { Planning } from './planning.ts';
import type { Sources } from './sources.ts';

export interface TaskTimes {
  readonly now: () => number;
  readonly random: () => number;
  readonly sleep: (ms: number, signal: AbortSignal) => Promise<void>;
}

/** What accepting and looking at tasks is made of. */
export interface TaskParts extends TaskTimes {
  readonly store: TaskStore;
  readonly deliveries: DeliveryStore;
  readonly feed: TaskFeed;
  readonly planning: Planning;
  readonly engines: ReadonlyMap<string, Engine>;
  readonly webhooks: Pick<Webhooks, 'check'>;
  readonly storage: OutputStorage;
  readonly log: Logger;
  readonly newId: () => string;
  readonly publicUrl: string;
  /** Written as JSON, digits kept. */
  readonly stringify: (value: unknown) => string;
  readonly limits: {
    /** Tasks that may wait. */
    readonly maxPending: number;
    /** Days that a finished task is kept; 0 for ever. */
    readonly retentionDays: number;
  };
  /** Whether any process works on tasks. */
  readonly working: () => Promise<boolean>;
  /** Of the worker names, those whose process is gone. */
  readonly gone: (workers: readonly string[]) => Promise<readonly string[]>;
  /** The worker of this process, where there is one. */
  readonly worker: { wake(): void; cancel(taskId: string): void; look(taskId: string): boolean };
  /** Something was written that watchers are to be told. */
  readonly told: () => void;
}

/** What working on tasks is made of. */
export interface WorkerParts extends TaskTimes {
  readonly store: TaskStore;
  readonly feed: TaskFeed;
  readonly engines: ReadonlyMap<string, Engine>;
  readonly sources: Sources;
  readonly lane: FetchLane;
  readonly storage: OutputStorage;
  readonly log: Logger;
  readonly newId: () => string;
  /** Name of this process in claims. */
  readonly name: string;
  readonly limits: {
    /** Tasks in work at once. */
    readonly concurrency: number;
    readonly maxAttempts: number;
    /** Milliseconds before the second attempt. */
    readonly retryDelay: number;
  };
  readonly told: () => void;
  /** Of the worker names, those whose process is gone. */
  readonly gone: (workers: readonly string[]) => Promise<readonly string[]>;
}
