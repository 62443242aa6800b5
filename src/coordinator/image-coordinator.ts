import type { Readable } from 'node:stream';
import type { Caller } from '../models/caller.ts';
import type { Conversion, FileAnswer, FileConditions, FileQuery, FileType, UploadAnswer } from '../models/file.ts';
import { fail } from '../core/errors.ts';

/** A file as it arrives; `body` is pulled, never buffered whole. */
export interface IncomingFile {
  readonly filename: string;
  readonly body: Readable;
  readonly overwrite: boolean;
  readonly subfolder: string;
  readonly type: FileType;
}

export class ImageCoordinator {
  async upload(_caller: Caller, _file: IncomingFile, _signal: AbortSignal): Promise<UploadAnswer> { throw fail('INTERNAL_ERROR', 'not wired'); }
  async download(_caller: Caller, _request: { query: FileQuery; conditions: FileConditions; conversion: Conversion }, _signal: AbortSignal): Promise<FileAnswer> { throw fail('INTERNAL_ERROR', 'not wired'); }
  /** The URL to fetch that file by, with `prompt_id` where it is an output. IMAGE_NOT_FOUND when the caller has no such file. */
  async url(_caller: Caller, _query: FileQuery): Promise<string> { throw fail('INTERNAL_ERROR', 'not wired'); }
}
