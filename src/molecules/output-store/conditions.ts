/** What the conditions of a download mean for a file (RFC 9110). Pure. */
import type { FileAnswer, FileConditions } from '../../models/file.ts';

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

export function isUnchanged({ ifNoneMatch, ifModifiedSince }: FileConditions, { etag, lastModified }: Pick<Validators, 'etag' | 'lastModified'>): boolean {
  if (ifNoneMatch !== undefined) return ifNoneMatch.trim() === '*' || ifNoneMatch.split(',').some((one) => one.trim().replace(/^W\//, '') === etag);
  const since = ifModifiedSince === undefined ? NaN : Date.parse(ifModifiedSince);
  return Math.floor(lastModified.getTime() / 1000) * 1000 <= since;
}

/** If-Range: the part only when the file is still the one that the caller has. */
function rangeApplies({ ifRange }: FileConditions, { etag, lastModified }: Validators): boolean {
  if (ifRange === undefined) return true;
  return ifRange.includes('"') ? ifRange === etag : Date.parse(ifRange) === Math.floor(lastModified.getTime() / 1000) * 1000;
}

/** One range of bytes; several, or another unit, mean the whole file. */
function parseRange(range: string, size: number): FileAnswer['part'] {
  const match = /^bytes=(\d*)-(\d*)$/.exec(range.replaceAll(' ', ''));
  if (!match || (match[1] === '' && match[2] === '')) return 'whole';
  const [first, last] = [match[1] ?? '', match[2] ?? ''];
  const start = first === '' ? Math.max(0, size - Number(last)) : Number(first);
  const end = first === '' || last === '' ? size - 1 : Math.min(Number(last), size - 1);
  if (first !== '' && last !== '' && Number(last) < Number(first)) return 'whole';
  return start >= size || (first === '' && Number(last) === 0) ? 'unsatisfiable' : { start, end };
}
