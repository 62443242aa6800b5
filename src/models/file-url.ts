import { service } from '../constants/service.ts';
import type { FileRef } from './file.ts';

/** Where a file is fetched: a path, or a whole URL when the address that clients use is configured. Pure. */
export function fileUrl(ref: FileRef, options: { readonly promptId?: string | undefined; readonly publicUrl?: string | undefined }): string {
  const query = new URLSearchParams({ filename: ref.filename, subfolder: ref.subfolder, type: ref.type });
  if (options.promptId !== undefined) query.set('prompt_id', options.promptId);
  return `${options.publicUrl?.replace(/\/+$/, '') ?? ''}${service.download}?${query.toString()}`;
}
