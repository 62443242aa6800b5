import { describe, expect, it } from 'vitest';
import { z } from 'zod';
import { invalid } from './problem.ts';

function told(schema: z.ZodType, given: unknown): string[] {
  const { error } = schema.safeParse(given);
  return invalid('body', error ?? new z.ZodError([]), given).faults.map(({ input = '', reason, nearest }) => [`${input}: ${reason}`, ...(nearest === undefined ? [] : [nearest])].join(' → '));
}

describe('what is wrong, in plain words:', () => {
  const one = (schema: z.ZodType) => z.object({ it: schema });
  const colours = z.enum(['red', 'green', 'blue']);
  it.each<[string, z.ZodType, unknown]>([
    ['it: must be an object; it is missing', one(z.record(z.string(), z.unknown())), {}],
    ['it: must be an object; it is null', one(z.object({})), { it: null }],
    ['it: must be an object; it is a list', one(z.object({})), { it: [] }],
    ['it: must be an object; it is a text', one(z.object({})), { it: 'x' }],
    ['it: must be a list; it is true', one(z.array(z.string())), { it: true }],
    ['it: must be a text; it is a number', one(z.string()), { it: 5 }],
    ['it: must be true or false; it is a text', one(z.boolean()), { it: 'yes' }],
    ['it: must be a number', one(z.coerce.number()), { it: 'many' }],
    ['it: must be a whole number', one(z.coerce.number().int()), { it: '1.5' }],
    ['it: must be a number; it is too large', one(z.number()), { it: JSON.rawJSON('18446744073709551615') }],
    ['it: must be a number; it is too large', one(z.number()), { it: Infinity }],
    ['it: must be at least 1', one(z.coerce.number().min(1)), { it: '0' }],
    ['it: must be more than 1', one(z.number().gt(1)), { it: 1 }],
    ['it: must be at most 500', one(z.number().max(500)), { it: 501 }],
    ['it: must be less than 500', one(z.number().lt(500)), { it: 500 }],
    ['it: must have at least 1 entry', one(z.array(z.string()).min(1)), { it: [] }],
    ['it: must have at most 2 entries', one(z.array(z.string()).max(2)), { it: ['', '', ''] }],
    ['it: must have exactly 2 characters', one(z.string().length(2)), { it: 'x' }],
    ['it: must have at most 3 characters', one(z.string().max(3)), { it: 'xxxx' }],
    ['it: must be one of: red, green, blue → green', one(colours), { it: 'gren' }],
    ['it: must be one of: red, green, blue', one(colours), { it: 'x'.repeat(300) }],
    ['it: must be one of: red, green, blue', one(colours), {}],
    ['it: must be red', one(z.literal('red')), { it: 7 }],
    ['it: must be a text or an object', one(z.union([z.string(), z.record(z.string(), z.unknown())])), { it: 7 }],
    ['it: fits none of the forms that are taken here', one(z.union([z.object({ a: z.string() }), z.string()])), { it: {} }],
    ['it.kind: must be one of: a, b', one(z.discriminatedUnion('kind', [z.object({ kind: z.literal('a') }), z.object({ kind: z.literal('b') })])), { it: { kind: 'c' } }],
    ['it.long: has a name that is not taken: it must have at most 3 characters', one(z.record(z.string().max(3), z.unknown())), { it: { long: 1 } }],
    ['it: must match /^a/', one(z.string().regex(/^a/)), { it: 'b' }],
    ['it.more: this field is not known here', one(z.strictObject({})), { it: { more: 1 } }],
    [': must be an object; it is a list', z.object({}), []],
  ])('%s', (words, schema, given) => {
    expect(told(schema, given)).toEqual([words]);
  });

  it('stays as a schema says it itself', () => {
    expect(told(z.object({ it: z.string().regex(/^a/, 'begins with an "a"') }), { it: 'b' })).toEqual(['it: begins with an "a"']);
    expect(told(z.object({ it: z.number('is a count') }), {})).toEqual(['it: is a count']);
  });

  it('says nothing of what stands there where nobody has it any more', () => {
    const { error } = z.object({ it: z.string() }).safeParse({});
    expect(invalid('body', error ?? new z.ZodError([])).detail).toBe('body: it: must be a text');
  });
});
