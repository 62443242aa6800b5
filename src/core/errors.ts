import type { errorCodes } from '../constants/error-codes.ts';
import type { Fault } from '../models/problem.ts';

export type ErrorCode = (typeof errorCodes)[number];

interface ErrorEntry {
  /** HTTP status of an answer with this code. */
  readonly status: number;
  /** What the code means, the same for every occurrence. */
  readonly title: string;
  /** Whether the same call may succeed later without a change. */
  readonly retryable: boolean;
  /** The sentence a caller reads; `detail` says what happened this time and names the offending value. */
  readonly message: (detail: string) => string;
}

const entry = (status: number, title: string, retryable = false): ErrorEntry => ({ status, title, retryable, message: (detail) => `${title}: ${detail}` });

/** Every "no" of the house. docs/errors.md is tested against this table. */
export const errorTable: Readonly<Record<ErrorCode, ErrorEntry>> = {
  CONNECTION_ERROR: entry(503, 'A server cannot be reached', true),
  WORKFLOW_VALIDATION_ERROR: entry(422, 'The workflow is not valid'),
  WORKFLOW_EXECUTION_ERROR: entry(502, 'The workflow failed while it ran'),
  QUEUE_OPERATION_ERROR: entry(502, 'The queue operation failed', true),
  FILE_OPERATION_ERROR: entry(500, 'The file operation failed'),
  IMAGE_NOT_FOUND: entry(404, 'There is no such file'),
  TASK_TIMEOUT: entry(504, 'The time limit passed', true),
  WEBSOCKET_ERROR: entry(400, 'The socket message cannot be served'),
  VALIDATION_ERROR: entry(422, 'The request is not valid'),
  MALFORMED_JSON: entry(400, 'The body is not JSON'),
  NOT_FOUND: entry(404, 'There is nothing here'),
  TASK_NOT_FOUND: entry(404, 'There is no such task'),
  UNAUTHORIZED: entry(401, 'An API key is needed'),
  FORBIDDEN: entry(403, 'This is not allowed'),
  RATE_LIMITED: entry(429, 'Too many requests', true),
  QUEUE_FULL: entry(429, 'The queue is full', true),
  PAYLOAD_TOO_LARGE: entry(413, 'The body is too large'),
  UNSUPPORTED_MEDIA_TYPE: entry(415, 'This type of content is not taken'),
  CONFLICT: entry(409, 'This conflicts with what is there'),
  PROMPT_LOST: entry(502, 'ComfyUI no longer knows the prompt', true),
  ENGINE_NOT_REGISTERED: entry(422, 'There is no such engine'),
  ENGINE_UNAUTHORIZED: entry(502, 'The engine refused our key'),
  ENGINE_WORKFLOW_NOT_FOUND: entry(422, 'The engine does not know the workflow'),
  ENGINE_OUTCOME_UNKNOWN: entry(502, 'Nobody knows whether the engine began it'),
  UPSTREAM_ERROR: entry(502, 'A server answered with an error', true),
  INTERNAL_ERROR: entry(500, 'The gateway failed'),
};

export interface FailOptions {
  /** The error of a library that stands behind this one. Logged, never shown. */
  readonly cause?: unknown;
  /** One entry per fault, as `errors[]` of the problem. */
  readonly faults?: readonly Fault[];
  /** Seconds after which a retry is worth it. */
  readonly retryAfter?: number;
  /** FILE_OPERATION_ERROR is 400 when the caller's value is at fault, 500 when the disk is. */
  readonly status?: number;
  /** Prompt the error is about. */
  readonly promptId?: string;
  /** Task the error is about. */
  readonly taskId?: string;
  /** Where the same call must not be made again although its code allows it, or may although it does not. */
  readonly retryable?: boolean;
  /** Whoever refused has no room now, and nothing was begun: who waits comes again, and no try is counted. */
  readonly waits?: boolean;
  /** A sentence that callers may read although the code keeps its detail to the log (INTERNAL_ERROR). */
  readonly told?: string;
}

/** The only error that crosses floors. Made by `fail`. */
export class GatewayError extends Error {
  override readonly name = 'GatewayError';
  readonly code: ErrorCode;
  readonly status: number;
  readonly retryable: boolean;
  readonly detail: string;
  readonly faults: readonly Fault[];
  readonly retryAfter: number | undefined;
  readonly promptId: string | undefined;
  readonly taskId: string | undefined;
  readonly told: string | undefined;
  readonly waits: boolean;

  constructor(code: ErrorCode, detail: string, options: FailOptions = {}) {
    const row = errorTable[code];
    super(row.message(detail), options.cause === undefined ? undefined : { cause: options.cause });
    this.code = code;
    this.detail = detail;
    this.status = options.status ?? row.status;
    this.retryable = options.retryable ?? row.retryable;
    this.faults = options.faults ?? [];
    this.retryAfter = options.retryAfter;
    this.promptId = options.promptId;
    this.taskId = options.taskId;
    this.told = options.told;
    this.waits = options.waits ?? false;
  }
}

/** Makes the error to throw: `throw fail('NOT_FOUND', 'prompt abc')`. Never put a secret into `detail`. */
export function fail(code: ErrorCode, detail: string, options?: FailOptions): GatewayError {
  return new GatewayError(code, detail, options);
}

/** Whether `error` is ours with one of the codes. */
export function failedWith(error: unknown, ...codes: ErrorCode[]): error is GatewayError {
  return error instanceof GatewayError && (codes.length === 0 || codes.includes(error.code));
}

/** The first sentence worth telling of anything that was thrown. */
export function reasonOf(error: unknown): string {
  if (error instanceof AggregateError && error.errors.length > 0) return reasonOf(error.errors[0]);
  return error instanceof Error ? error.message || error.name : String(error);
}
