import { failedWith } from '../../core/errors.ts';
import type { FileAnswer, FileBody, FileConditions, FileRef } from '../../models/file.ts';
import { etagOf, partOf } from '../../molecules/output-store/conditions.ts';
import type { Span } from '../../molecules/output-store/output-store.ts';
import { contentTypeOf, nothing } from './answers.ts';
import type { Location } from './location.ts';
import type { ImageParts } from './parts.ts';

/** A file of ours on disk, or on its way there. */
export interface Local {
  readonly ref: FileRef;
  readonly contentType: string;
  readonly file: { readonly size: number; readonly modifiedAt: Date };
  /** Undefined when it went meanwhile. */
  open(span: Span): Promise<FileBody | undefined> | FileBody | undefined;
}

/** What the stores have of it, complete. */
export async function stored({ stores }: Pick<ImageParts, 'stores'>, location: Location): Promise<(Local & { readonly path: string }) | undefined> {
  if (location.kind === 'foreign') return undefined;
  if (location.kind === 'input') {
    const { name: filename, subfolder, type, mediaType, path } = location.record;
    const file = await stores.inputs.find(path);
    return file && { ref: { filename, subfolder, type }, contentType: mediaType, file, path: file.path, open: (span) => stores.inputs.part(file, span) };
  }
  const { promptId, ref } = location;
  const file = await stores.outputs.find(promptId, ref).catch((error: unknown) => {
    if (failedWith(error, 'FILE_OPERATION_ERROR')) return undefined;
    throw error;
  });
  return file && { ref, contentType: contentTypeOf(ref.filename), file, path: file.path, open: (span) => stores.outputs.open(file, span) };
}

/** The file, a part of it, or that it has not changed. Undefined when it went meanwhile. */
export async function plain(local: Local, conditions: FileConditions): Promise<FileAnswer | undefined> {
  const validators = { etag: etagOf(local.file), lastModified: local.file.modifiedAt, size: local.file.size };
  const part = partOf(conditions, validators);
  const answer = { ...nothing(local.ref, local.contentType), ...validators, part, ranges: true };
  if (conditions.head || part === 'unchanged' || part === 'unsatisfiable') return answer;
  const body = await local.open(part === 'whole' ? { start: 0, end: local.file.size - 1 } : part);
  return body && { ...answer, body };
}
