import type { Readable } from 'node:stream';
import type { Logger } from '../../core/logger.ts';
import type { HubDialect, HubKeyPlace, HubTarget, RunningHubApi } from '../../models/runninghub.ts';
import type { Place } from './runninghub-fit.ts';

export interface RunninghubEngineParts {
  readonly api: RunningHubApi;
  /** Opens a result. Throws IMAGE_NOT_FOUND for one that is gone, FILE_OPERATION_ERROR for an address that is not allowed, CONNECTION_ERROR, UPSTREAM_ERROR. */
  readonly files: { open(url: string, signal: AbortSignal): Promise<{ readonly body: Readable; readonly size: number | undefined }> };
  readonly log: Logger;
  readonly publicUrl: string;
  readonly now: () => number;
  readonly random: () => number;
  readonly sleep: (ms: number, signal: AbortSignal) => Promise<void>;
}

export interface RunninghubEngineOptions {
  readonly name: string;
  /** Where the account is: `www.runninghub.cn`. */
  readonly host: string;
  /** What it runs where a job names nothing else; undefined where every job has to. */
  readonly target: HubTarget | undefined;
  /** Milliseconds that a job may take, waiting at RunningHub included. */
  readonly timeoutMs: number;
  readonly pollMs: number;
  /** Jobs at once, where the account may have more. */
  readonly concurrency: number | undefined;
  readonly instanceType: string | undefined;
  /** Where the values of its inputs go. */
  readonly places: readonly Place[];
  /** Nodes whose outputs count; undefined for all. */
  readonly outputs: readonly string[] | undefined;
  /** What is odd about how the account is configured. */
  readonly notes: readonly string[];
  /** What its settings are called, for advice. */
  readonly settings: { readonly key: string; readonly address: string; readonly keyPlace: string };
  readonly keyPlace: HubKeyPlace;
  readonly dialect: HubDialect;
  /** Hear of progress by the socket of a job, too. */
  readonly progressSocket: boolean;
  /** Of a workflow or an app that needs one. */
  readonly accessPassword: string | undefined;
  /** Where RunningHub may tell us that the job of that task has ended. */
  readonly hookOf: ((taskId: string) => string) | undefined;
}
