/**
 * An engine turns a job into pictures. It is the one face that ComfyUI, RunningHub and FaceFusion have towards tasks.
 *
 * What an implementation promises: `submit` hands over once, without retries, queueing or storing of its own. `watch` is
 * called after `submit`, and again for the same id after a restart of this service, perhaps by another process: it finds out
 * what became of the job and ends with exactly one ending. Poll is the truth: `watch` ends also where every message was lost.
 * `outputs` is called after a `completed` ending. `cancel` may be called at any time from `submit` on; what came of it is told by `watch`.
 * Everything but `cancel` gives up when its signal fires; the job itself goes on then.
 */
import type { Readable } from 'node:stream';
import { z } from 'zod';
import type { Caller } from './caller.ts';
import type { EngineType } from './engine-config.ts';
import type { OutputFile } from './file.ts';
import type { HubTarget } from './runninghub.ts';
import type { Target } from './template.ts';
import type { TaskUsage } from './task-usage.ts';
import type { PromptError, PromptProgress } from './prompt-state.ts';
import type { Workflow } from './workflow.ts';

export const EngineHealth = z
  .object({
    name: z.string(),
    type: z.string(),
    description: z.string().optional(),
    healthy: z.boolean().meta({ description: 'It takes jobs now.' }),
    reason: z.string().optional().meta({ description: 'Why not, and what to do; or why it takes none for a moment.' }),
    running: z.int().meta({ description: 'Tasks that it works on, of everybody.' }),
    capacity: z.int().meta({ description: 'Tasks that it is given at once.' }),
    pending: z.int().meta({ description: 'Tasks that wait for it, of everybody.' }),
    instances: z.array(z.object({ instance: z.string(), healthy: z.boolean(), sandbox: z.boolean() })).optional(),
  })
  .meta({ id: 'EngineHealth' });
export type EngineHealth = z.infer<typeof EngineHealth>;

/** A file of the caller that we have. `open` may be called again. */
export interface EngineFile {
  readonly name: string;
  readonly mediaType: string;
  readonly size: number;
  readonly sha256: string;
  readonly open: () => Readable;
}

/** One value of a job, and where it goes. */
export interface JobValue {
  readonly name: string;
  readonly targets: readonly Target[];
  readonly value: { readonly file: EngineFile } | { readonly plain: unknown };
}

/** A job as the engine gets it. */
export interface EngineJob {
  /** Chosen and stored by us before it is handed over, for engines that take an id of ours. */
  readonly id: string;
  readonly taskId: string;
  /** Whose files it may name. */
  readonly caller: Caller;
  /** Who watches it. */
  readonly clientId: string;
  readonly workflow: Workflow;
  /** Passed on to the engine, as ComfyUI's `extra_data`. */
  readonly extraData: Readonly<Record<string, unknown>> | undefined;
  /** Instances that failed earlier attempts: others are preferred. */
  readonly avoid: readonly string[];
  /** For a hosted engine, in place of `workflow`. */
  readonly values?: readonly JobValue[];
  /** What a hosted engine runs in place of its own workflow or app. */
  readonly target?: HubTarget | undefined;
  /** To be awaited right before a hosted engine is given the job: from then on nobody gives it again before it is known what became of it. Throws where it shall not be given. */
  readonly leaving?: () => Promise<void>;
}

/** Names a job that was handed over. `id` is the engine's own word for it. */
export interface EngineJobRef {
  readonly id: string;
  readonly caller: Caller;
  readonly taskId?: string | undefined;
  /** When it was about to be handed over, in milliseconds since 1970. */
  readonly since?: number | undefined;
  /** Of a hosted engine, where the job named it. */
  readonly target?: HubTarget | undefined;
}

export interface HandedOver {
  readonly job: EngineJobRef;
  /** Where it went, where that is known. */
  readonly instance: string | undefined;
  /** What will be left out of the run. */
  readonly warnings: readonly string[];
}

/** How a job ended. Times are milliseconds since 1970, by the engine's clock. */
export type EngineEnding =
  | { readonly kind: 'completed'; readonly instance: string; readonly startedAt: number | undefined; readonly endedAt: number | undefined; readonly usage?: TaskUsage | undefined }
  /** `again`: the same job may succeed later; it is known not to run any more. */
  | { readonly kind: 'failed'; readonly instance: string | undefined; readonly error: PromptError; readonly again: boolean; readonly usage?: TaskUsage | undefined }
  /** It was stopped: on request through us, or by somebody else. `warning`: what is left of it all the same. */
  | { readonly kind: 'stopped'; readonly instance: string | undefined; readonly byUs: boolean; readonly reason: string; readonly warning?: string };

export type EngineEvent =
  | { readonly kind: 'running'; readonly instance: string }
  | { readonly kind: 'progress'; readonly progress: PromptProgress }
  /** Files that a node has made: more of them may come. */
  | { readonly kind: 'output'; readonly files: readonly OutputFile[] }
  | EngineEnding;

/** One file that came out. `url` is where the engine itself has it through us; `open` gives its bytes, and may be called again after a failure. */
export interface EngineOutput {
  readonly file: OutputFile;
  /** Name of the folder that its copy lies in: unique per job. */
  readonly folder: string;
  readonly open: (signal: AbortSignal) => Promise<{ readonly body: Readable; readonly size: number | undefined }>;
  /** Its engine has it for a while only: it is kept whatever the settings say. `url`: where it is meanwhile, for callers whose copy could not be kept. */
  readonly fleeting?: { readonly url: string };
}

/** One thing that was looked at for an operator. */
export interface EngineFinding {
  readonly well: boolean;
  readonly what: string;
  /** What to do. */
  readonly advice?: string;
}

export interface Engine {
  readonly name: string;
  readonly type: EngineType;
  /**
   * It runs what lies at an outsider: it gets `values` in place of a graph, awaits `leaving`, gives jobs their ids, and each job may
   * cost money. Where nobody knows whether a job was begun, `submit` throws ENGINE_OUTCOME_UNKNOWN, and `knows` of an id of ours says `unknown`.
   */
  readonly hosted?: boolean;
  /** Jobs that it may have at once, now: 0 while it cannot take any. */
  capacity(): number;
  health(signal: AbortSignal): Promise<Pick<EngineHealth, 'healthy' | 'reason' | 'instances'>>;
  /**
   * Hands the job over. Answers when the engine has it, or may have it: then `watch` finds out. Throws when it surely has
   * not: WORKFLOW_VALIDATION_ERROR and other faults of the job, CONNECTION_ERROR, UPSTREAM_ERROR, QUEUE_FULL or RATE_LIMITED when it may be tried again; with `waits`, without counting as an attempt.
   */
  submit(job: EngineJob, signal: AbortSignal): Promise<HandedOver>;
  /** Whether the job was handed over, or may have been: asked after a restart, before `watch`. False: it surely never was. */
  knows(job: EngineJobRef, signal: AbortSignal): Promise<boolean | 'unknown'>;
  watch(job: EngineJobRef, signal: AbortSignal): AsyncIterable<EngineEvent>;
  outputs(job: EngineJobRef, signal: AbortSignal): AsyncIterable<EngineOutput>;
  /** Asks the engine to stop the job. Does not throw for one that is over or unknown. */
  cancel(job: EngineJobRef): Promise<void>;
  /** Somebody heard that something became of the job: a `watch` that asks now and then asks at once. For engines that do. */
  look?(job: EngineJobRef): void;
  /** All that an operator may have got wrong with it, looked at without a job. */
  examine?(signal: AbortSignal): Promise<readonly EngineFinding[]>;
}
