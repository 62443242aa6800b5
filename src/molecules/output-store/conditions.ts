/** What the conditions of a download mean for a file (RFC 9110). Pure. */
import type { FileAnswer, FileConditions } from '../../models/file.ts';

const RANGE = /^bytes=[ \t]*(\d*)-(\d*)[ \t]*$/i;

export interface Validators {
  readonly etag: string;
  readonly lastModified: Date;
  readonly size: number;
}

/** A strong validator from what changes when a file changes. */
export function etagOf(file: { readonly size: number; readonly modifiedAt: Date }, variant = ''): string {
  return `"${file.size.toString(36)}-${Math.round(file.modifiedAt.getTime() * 1000).toString(36)}${variant === '' ? '' : `-${variant}`}"`;
}

/** `unchanged` before ranges, as the order of evaluation has it. */
export function partOf(conditions: FileConditions, file: Validators): FileAnswer['part'] {
  if (isUnchanged(conditions, file)) return 'unchanged';
  if (conditions.range === undefined || !rangeApplies(conditions, file)) return 'whole';
  return parseRange(conditions.range, file.size);
}

/** Whether the caller asks for the file only if it has changed. */
export function isConditional({ ifNoneMatch, ifModifiedSince }: FileConditions): boolean {
  return ifNoneMatch !== undefined || ifModifiedSince !== undefined;
}

/** A file without validators has always changed. */
export function isUnchanged({ ifNoneMatch, ifModifiedSince }: FileConditions, { etag, lastModified }: Pick<FileAnswer, 'etag' | 'lastModified'>): boolean {
  if (ifNoneMatch !== undefined) return ifNoneMatch.trim() === '*' || (etag !== undefined && ifNoneMatch.split(',').some((one) => one.trim().replace(/^W\//, '') === etag.replace(/^W\//, '')));
  const since = ifModifiedSince === undefined ? NaN : Date.parse(ifModifiedSince);
  return lastModified !== undefined && seconds(lastModified) <= since;
}

/** If-Range: the part only when the file is still the one that the caller has. A weak tag does not say so, nor does a file without validators. */
export function rangeApplies({ ifRange }: FileConditions, { etag, lastModified }: Pick<FileAnswer, 'etag' | 'lastModified'>): boolean {
  if (ifRange === undefined) return true;
  if (ifRange.includes('"')) return !ifRange.includes('W/') && ifRange.trim() === etag;
  return lastModified !== undefined && Date.parse(ifRange) === seconds(lastModified);
}

/** HTTP dates have no parts of a second. */
const seconds = (date: Date): number => Math.floor(date.getTime() / 1000) * 1000;

/** Whether a Range header asks for one part of bytes; anything else is the same as none. */
export function isOneRange(range: string): boolean {
  const match = RANGE.exec(range.trim());
  if (!match) return false;
  const [, first = '', last = ''] = match;
  return first === '' ? last !== '' : last === '' || Number(first) <= Number(last);
}

/** One range of bytes; several, or another unit, mean the whole file. */
function parseRange(range: string, size: number): FileAnswer['part'] {
  const match = isOneRange(range) ? RANGE.exec(range.trim()) : null;
  if (!match) return 'whole';
  const [, first = '', last = ''] = match;
  const start = first === '' ? Math.max(0, size - Number(last)) : Number(first);
  const end = first === '' || last === '' ? size - 1 : Math.min(Number(last), size - 1);
  return start >= size || (first === '' && Number(last) === 0) ? 'unsatisfiable' : { start, end };
}
