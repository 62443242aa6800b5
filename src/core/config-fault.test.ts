import { describe, expect, it } from 'vitest';
import { z } from 'zod';
import { configFaults, fieldPath, shown, valueAt } from './config-fault.ts';

const Wheel = z.strictObject({ type: z.literal('wheel'), size: z.int().min(1).max(9) });
const Sail = z.strictObject({ type: z.literal('sail'), cloth: z.enum(['linen', 'silk']).default('linen') });
const schema = z.strictObject({
  name: z.string().min(2),
  parts: z.record(z.string().regex(/^[a-z]+$/, 'must be small letters'), z.discriminatedUnion('type', [Wheel, Sail])).default({}),
  apiKey: z.string().optional(),
  tags: z.array(z.strictObject({ text: z.string() })).min(1).optional(),
});

function faults(given: unknown): string[] {
  const parsed = schema.safeParse(given);
  return parsed.success ? [] : configFaults(schema, parsed.error.issues, { given, noun: 'kind of part' }).map(({ path, text }) => `${fieldPath(path)}: ${text}`);
}

describe('a fault of a file', () => {
  it.each([
    [{}, ['name: is missing; allowed: a text']],
    [{ name: 5 }, ['name: 5 is not a text']],
    [{ name: 'a' }, ['name: "a" is too short; allowed: 2 or more characters']],
    [{ name: 'ab', tags: [] }, ['tags: has too few entries; allowed: 1 or more']],
    [{ name: 'ab', tags: [{ text: 'x', more: 1 }] }, ['tags[0].more: is not known here; allowed: text']],
    [{ name: 'ab', parts: { a: { type: 'oar' } } }, ['parts.a.type: "oar" is not a supported kind of part; allowed: wheel, sail']],
    [{ name: 'ab', parts: { a: {} } }, ['parts.a.type: is missing; allowed: wheel, sail']],
    [{ name: 'ab', parts: { a: { type: 'wheel', size: 0 } } }, ['parts.a.size: 0 is too small; allowed: 1 or more']],
    [{ name: 'ab', parts: { a: { type: 'wheel', size: 10 } } }, ['parts.a.size: 10 is too big; allowed: up to 9']],
    [{ name: 'ab', parts: { a: { type: 'wheel', size: 1.5 } } }, ['parts.a.size: 1.5 is not a whole number']],
    [{ name: 'ab', parts: { a: { type: 'sail', size: 1 } } }, ['parts.a.size: is not known here; allowed: type, cloth']],
    [{ name: 'ab', parts: { a: { type: 'sail', cloth: 'wool' } } }, ['parts.a.cloth: "wool" is not one of linen, silk']],
    [{ name: 'ab', parts: { A1: { type: 'sail' } } }, ['parts.A1: this name must be small letters']],
    [[], [': a list is not an object']],
    [{ name: 'ab', apiKey: true }, ['apiKey: a value that is not shown is not a text']],
    [{ name: 'ab', one: 1, two: 2 }, ['one: is not known here; allowed: name, parts, apiKey, tags', 'two: is not known here; allowed: name, parts, apiKey, tags']],
  ])('of %j is told in words', (given, told) => {
    expect(faults(given)).toEqual(told);
  });

  it('tells a value cut, and numbers to the last digit', () => {
    expect(shown('x'.repeat(1_000)).length).toBeLessThan(110);
    expect(shown(JSON.rawJSON('18446744073709551615'))).toBe('18446744073709551615');
    expect([shown({}), shown([]), shown(null), shown(undefined)]).toEqual(['an object', 'a list', 'null', 'nothing']);
  });

  it('finds values that are there, and none that every object has', () => {
    expect(valueAt({ a: [{ b: 1 }] }, ['a', 0, 'b'])).toBe(1);
    expect([valueAt({}, ['toString']), valueAt({ a: null }, ['a', 'b']), valueAt('text', ['length'])]).toEqual([undefined, undefined, undefined]);
  });
});
