import { describe, expect, it, test } from 'vitest';
import type { FileConditions } from '../../models/file.ts';
import { etagOf, isUnchanged, partOf, rangeApplies, rangeOf } from './conditions.ts';

const file = { etag: '"e1"', lastModified: new Date('2026-01-02T03:04:05.678Z'), size: 10 };
const none: FileConditions = { range: undefined, ifNoneMatch: undefined, ifRange: undefined, ifModifiedSince: undefined, head: false };
const part = (conditions: Partial<FileConditions>, size = 10) => partOf({ ...none, ...conditions }, { ...file, size });
const modified = 'Fri, 02 Jan 2026 03:04:05 GMT';

describe('a range', () => {
  test.each([
    ['bytes=0-0', { start: 0, end: 0 }],
    ['bytes=2-4', { start: 2, end: 4 }],
    ['bytes=0-9', { start: 0, end: 9 }],
    ['bytes=5-', { start: 5, end: 9 }],
    ['bytes=-3', { start: 7, end: 9 }],
    ['bytes=-10', { start: 0, end: 9 }],
    ['bytes=-99', { start: 0, end: 9 }],
    ['bytes=8-99', { start: 8, end: 9 }],
    ['bytes=0-99999999999999999999999', { start: 0, end: 9 }],
    ['BYTES=1-2', { start: 1, end: 2 }],
    [' bytes= 1-2 ', { start: 1, end: 2 }],
    ['bytes=10-', 'unsatisfiable'],
    ['bytes=10-12', 'unsatisfiable'],
    ['bytes=99999999999999999999999-', 'unsatisfiable'],
    ['bytes=-0', 'unsatisfiable'],
    ['bytes=4-2', 'whole'],
    ['bytes=-', 'whole'],
    ['bytes=', 'whole'],
    ['bytes=0-1,4-5', 'whole'],
    ['bytes=0-1,', 'whole'],
    ['bytes=a-b', 'whole'],
    ['bytes=1-2-3', 'whole'],
    ['bytes=1.5-2', 'whole'],
    ['bytes=0x1-2', 'whole'],
    ['bytes=1 2-3', 'whole'],
    ['lines=1-2', 'whole'],
    ['1-2', 'whole'],
    ['', 'whole'],
  ])('%j of 10 bytes is %j', (range, expected) => {
    expect(part({ range })).toEqual(expected);
  });

  it('of an empty file cannot be had', () => {
    for (const range of ['bytes=0-', 'bytes=0-0', 'bytes=-1']) expect(part({ range }, 0), range).toBe('unsatisfiable');
    expect(part({}, 0)).toBe('whole');
  });

  it('is passed on only when it is one that a server must understand', () => {
    expect(['bytes=0-1', 'bytes=5-', 'bytes=-5', 'bytes=99-', 'bytes=5-1', 'bytes=-', 'bytes=0-1,2-3', 'x=1-2'].map((range) => rangeOf({ ...none, range }))).toEqual(['bytes=0-1', 'bytes=5-', 'bytes=-5', 'bytes=99-', undefined, undefined, undefined, undefined]);
  });

  it('is for GET alone: HEAD tells of the whole file', () => {
    expect([part({ range: 'bytes=0-1', head: true }), part({ range: 'bytes=99-', head: true }), rangeOf({ ...none, range: 'bytes=0-1', head: true })]).toEqual(['whole', 'whole', undefined]);
  });
});

describe('If-Range', () => {
  test.each([
    ['"e1"', { start: 0, end: 1 }],
    ['W/"e1"', 'whole'],
    ['"e2"', 'whole'],
    [modified, { start: 0, end: 1 }],
    ['Fri, 02 Jan 2026 03:04:06 GMT', 'whole'],
    ['Fri, 02 Jan 2026 03:04:04 GMT', 'whole'],
    ['nonsense', 'whole'],
  ])('%s: %j', (ifRange, expected) => {
    expect(part({ range: 'bytes=0-1', ifRange })).toEqual(expected);
  });

  it('needs a strong tag or a date to compare with', () => {
    const applies = (ifRange: string, etag?: string, lastModified?: Date): boolean => rangeApplies({ ...none, ifRange }, { etag, lastModified });
    expect([applies('"e1"', '"e1"'), applies('W/"e1"', 'W/"e1"'), applies('"e1"', 'W/"e1"'), applies('"e1"'), applies(modified, '"e1"'), applies(modified, undefined, file.lastModified)]).toEqual([true, false, false, false, false, true]);
  });

  it('alone asks for nothing', () => {
    expect(part({ ifRange: '"e1"' })).toBe('whole');
  });
});

describe('a file that the caller has', () => {
  test.each([
    ['"e1"', true],
    ['W/"e1"', true],
    ['*', true],
    [' * ', true],
    ['"a", "e1"', true],
    ['"a",W/"e1" ,"b"', true],
    ['"e2"', false],
    ['e1', false],
    ['"a", "b"', false],
    ['', false],
  ])('If-None-Match %j: %j', (ifNoneMatch, unchanged) => {
    expect(part({ ifNoneMatch }) === 'unchanged').toBe(unchanged);
  });

  test.each([
    [modified, true],
    ['Fri, 02 Jan 2026 03:04:06 GMT', true],
    ['Fri, 02 Jan 2026 03:04:04 GMT', false],
    ['yesterday', false],
    ['', false],
  ])('If-Modified-Since %j: %j', (ifModifiedSince, unchanged) => {
    expect(part({ ifModifiedSince }) === 'unchanged').toBe(unchanged);
  });

  it('is told by its tag, whatever the date says', () => {
    expect(part({ ifNoneMatch: '"other"', ifModifiedSince: modified })).toBe('whole');
  });

  it('is unchanged before any part of it is looked at', () => {
    expect(part({ ifNoneMatch: '"e1"', range: 'bytes=99-' })).toBe('unchanged');
  });

  it('has changed when nothing is known of it', () => {
    const unknown = { etag: undefined, lastModified: undefined };
    expect(isUnchanged({ ...none, ifNoneMatch: '"e1"' }, unknown)).toBe(false);
    expect(isUnchanged({ ...none, ifModifiedSince: modified }, unknown)).toBe(false);
    expect(isUnchanged({ ...none, ifNoneMatch: '"e1"' }, { etag: 'W/"e1"', lastModified: undefined })).toBe(true);
  });
});

it('an etag changes with size, time and variant, and is one quoted word', () => {
  const at = (ms: number) => new Date(ms);
  const tags = [etagOf({ size: 1, modifiedAt: at(1) }), etagOf({ size: 2, modifiedAt: at(1) }), etagOf({ size: 1, modifiedAt: at(2) }), etagOf({ size: 1, modifiedAt: at(1) }, 'webp.80..')];
  expect(new Set(tags).size).toBe(4);
  for (const tag of tags) expect(tag).toMatch(/^"[\w.-]+"$/);
});
