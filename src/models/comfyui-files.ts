import type { Readable } from 'node:stream';
import type { FileRef, FileType } from './file.ts';
import type { Instance } from './instance.ts';

/** A file on its way to an instance. `open` is called when the upload begins, again if it is repeated. */
export interface UpstreamUpload {
  readonly name: string;
  readonly subfolder: string;
  readonly type: FileType;
  readonly mediaType: string;
  readonly size: number;
  readonly open: () => Readable;
}

export interface UpstreamFile {
  readonly status: 200 | 206 | 304 | 404 | 416;
  readonly headers: {
    readonly contentType: string | undefined;
    readonly contentLength: number | undefined;
    readonly contentRange: string | undefined;
    readonly etag: string | undefined;
    readonly lastModified: string | undefined;
  };
  /** Whoever stops reading must destroy it. */
  readonly body: Readable;
}

export interface ViewRequest {
  readonly ref: FileRef;
  /** Header values as they are to be sent. If-Range is not among them: ComfyUI knows only its dates, and sends a part for any tag. */
  readonly range?: string | undefined;
  readonly ifNoneMatch?: string | undefined;
  readonly ifModifiedSince?: string | undefined;
  readonly head?: boolean;
}

/** Files of an instance (POST /upload/image, GET /view). */
export interface ComfyuiFiles {
  /** Writes the file, replacing one of the same name. Answers the name to use in a graph. Throws CONNECTION_ERROR or UPSTREAM_ERROR. */
  upload(instance: Instance, file: UpstreamUpload, signal: AbortSignal): Promise<{ name: string; subfolder: string; type: string }>;
  /** Opens a file as a stream; 404 is an answer. Throws CONNECTION_ERROR or UPSTREAM_ERROR. */
  view(instance: Instance, request: ViewRequest, signal: AbortSignal): Promise<UpstreamFile>;
}
