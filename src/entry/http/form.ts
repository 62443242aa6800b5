import type { Readable } from 'node:stream';

/** A multipart form whose one file is still arriving. */
export interface MultipartForm {
  /** Those that have arrived: what stands before the file; all of them once `file.body` has ended. */
  readonly fields: () => Readonly<Record<string, string>>;
  readonly file: {
    /** Name of the form field. */
    readonly field: string;
    /** Last segment of the name the caller gave; empty when there is none. */
    readonly filename: string;
    readonly mediaType: string;
    /** Ends only when the whole form was right, so that whoever stores it stores it whole; destroy it to stop reading. */
    readonly body: Readable;
  };
}

export interface MultipartOptions {
  readonly headers: Readonly<Record<string, string | string[] | undefined>>;
  readonly limits: {
    readonly fileBytes: number;
    /** Variable that sets `fileBytes`, for the refusal. */
    readonly fileBytesName: string;
    readonly fieldBytes: number;
    readonly fields: number;
    /** Milliseconds without a byte. */
    readonly silence: number;
  };
  readonly signal: AbortSignal;
}

/**
 * Reads a form up to its file. Throws UNSUPPORTED_MEDIA_TYPE, VALIDATION_ERROR, PAYLOAD_TOO_LARGE, TASK_TIMEOUT (408) or
 * the reason of `signal`; what goes wrong later is thrown by `body`.
 */
export type ReadMultipart = (source: Readable, options: MultipartOptions) => Promise<MultipartForm>;
