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
  const range = rangeOf(conditions);
  return range === undefined || !rangeApplies(conditions, file) ? 'whole' : parseRange(range, file.size);
}

/** The part that is asked for, if it is one part of bytes: several, another unit and other methods than GET mean the whole file. */
export function rangeOf({ range, head }: FileConditions): string | undefined {
  return range !== undefined && !head && isOneRange(range) ? range : undefined;
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

function isOneRange(range: string): boolean {
  const match = RANGE.exec(range.trim());
  if (!match) return false;
  const [, first = '', last = ''] = match;
  return first === '' ? last !== '' : last === '' || Number(first) <= Number(last);
}

function parseRange(range: string, size: number): FileAnswer['part'] {
  const [, first = '', last = ''] = RANGE.exec(range.trim()) ?? [];
  const start = first === '' ? Math.max(0, size - Number(last)) : Number(first);
  const end = first === '' || last === '' ? size - 1 : Math.min(Number(last), size - 1);
  return start >= size || (first === '' && Number(last) === 0) ? 'unsatisfiable' : { start, end };
}
