import { describe, expect, it } from 'vitest';
import { z } from 'zod';
import { fail } from '../../core/errors.ts';
import type { Fault } from '../../models/problem.ts';
import { invalid, toProblem } from './problem.ts';

const long = '😀'.repeat(500_000);
const body = (faults: Fault[], detail = 'x'): string => JSON.stringify(toProblem(fail('WORKFLOW_VALIDATION_ERROR', detail, { faults }), 'id'));

describe('the body of a problem', () => {
  it('tells what was said as it was said', () => {
    const fault: Fault = { node_id: '1', class_type: 'LoadImage', input: 'image', type: 'value_not_in_list', reason: 'no such value', nearest: 'euler' };
    expect(toProblem(fail('WORKFLOW_VALIDATION_ERROR', 'x', { faults: [fault] }), 'id')).toMatchObject({ detail: 'The workflow is not valid: x', errors: [fault] });
  });

  it('is short whatever a caller or a server said, and never cut inside of a letter', () => {
    const fault: Fault = { node_id: long, class_type: long, input: long, type: long, reason: long };
    const text = body(Array.from({ length: 500 }, () => fault), long);
    expect([text.length < 400_000, text.includes('\\ud'), text.includes('…"')]).toEqual([true, false, true]);
    expect(JSON.parse(text)).toHaveProperty('errors.length', 100);
  });

  it('leaves a nearest value out that is too long to be told whole', () => {
    expect(body([{ type: 'a', reason: 'b', nearest: 'c'.repeat(2_000) }])).toContain('c'.repeat(2_000));
    expect(body([{ type: 'a', reason: 'b', nearest: 'c'.repeat(2_001) }])).not.toContain('nearest');
  });

  it('tells a bounded number of unknown and wrong fields, in few letters', () => {
    const fields = Object.fromEntries(Array.from({ length: 5_000 }, (_, n) => [`${n}${'x'.repeat(1_000)}`, n]));
    for (const schema of [z.strictObject({}), z.record(z.string().max(3), z.string())]) {
      const error = invalid('body', schema.safeParse(fields).error ?? new z.ZodError([]));
      expect([error.faults.length, error.detail.length < 2_500, JSON.stringify(toProblem(error, 'id')).length < 400_000]).toEqual([100, true, true]);
    }
  });
});
