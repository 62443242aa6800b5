/** Answers made of what is known of a file. Pure. */
import { contentTypes } from '../../constants/content-types.ts';
import type { UpstreamFile } from '../../models/comfyui-files.ts';
import type { FileAnswer, FileRef } from '../../models/file.ts';

/** A file without a body and without validators, for others to add to. */
export function nothing(ref: FileRef, contentType: string): FileAnswer {
  return { body: undefined, filename: ref.filename, contentType, size: undefined, etag: undefined, lastModified: undefined, part: 'whole', ranges: false };
}

/** A file as an instance gives it. */
export function relayed(ref: FileRef, { status, headers, body }: UpstreamFile): FileAnswer {
  const { contentType, contentLength, contentRange, etag, lastModified } = headers;
  const range = /^bytes (?:(\d+)-(\d+)|\*)\/(\d+|\*)$/.exec(contentRange ?? '');
  const modified = new Date(lastModified ?? NaN);
  return {
    body,
    filename: ref.filename,
    contentType: contentType ?? contentTypeOf(ref.filename),
    size: range ? Number(range[3]) || undefined : contentLength,
    etag,
    lastModified: Number.isNaN(modified.getTime()) ? undefined : modified,
    part: status === 304 ? 'unchanged' : status === 416 ? 'unsatisfiable' : status === 206 && range ? { start: Number(range[1]), end: Number(range[2]) } : 'whole',
    ranges: true,
  };
}

export function contentTypeOf(filename: string): string {
  return contentTypes[filename.slice(filename.lastIndexOf('.') + 1).toLowerCase()] ?? 'application/octet-stream';
}
