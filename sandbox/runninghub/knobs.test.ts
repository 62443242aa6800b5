import { readFileSync } from 'node:fs';
import { describe, expect, it } from 'vitest';
import { SANDBOX_KEYS } from './accounts.ts';
import { KnobState, Knobs } from './knobs.ts';
import { ROUTES } from './steps.ts';

const readme = readFileSync(new URL('README.md', import.meta.url), 'utf8');
const OUTPUTS = 'POST /task/openapi/outputs';

describe('knobs', () => {
  it('take the steps of a route in order, each as often as it says', () => {
    const knobs = new Knobs({ next: { [OUTPUTS]: [{ code: 500, times: 2 }, { fault: 'cut' }] } });
    expect([1, 2, 3, 4].map(() => knobs.takeStep(OUTPUTS)?.code ?? 'none')).toEqual([500, 500, 'none', 'none']);
    expect(knobs.state.next[OUTPUTS]).toEqual([]);
    expect(knobs.takeStep('POST /task/openapi/status')).toBeUndefined();
  });

  it('refuse routes, knobs and steps that do not exist', () => {
    expect(() => new Knobs().set({ next: { 'POST /nowhere': [{ code: 1 }] } })).toThrow('POST /nowhere');
    expect(() => new Knobs().set({ slowly: 1 })).toThrow('slowly');
    expect(() => new Knobs().set({ next: { [OUTPUTS]: [{ code: 1, fault: 'cut' }] } })).toThrow('A step is a code, a fault or a body.');
    expect(() => new Knobs().set({ next: { [OUTPUTS]: [{}] } })).toThrow('A step is');
  });

  it('leave what a patch does not name, until they are reset', () => {
    const knobs = new Knobs({ runMs: 7 });
    knobs.set({ outcomes: ['failed'] });
    expect([knobs.state.runMs, knobs.takeOutcome(), knobs.takeOutcome()]).toEqual([7, 'failed', 'picture']);
    knobs.reset();
    expect(knobs.state).toEqual(KnobState.parse({}));
  });
});

describe('the README', () => {
  it('describes every knob as the schema does, with its neutral value', () => {
    const neutral: Record<string, unknown> = KnobState.parse({});
    const rows = Object.entries(KnobState.shape).map(([name, schema]) => `| \`${name}\` | \`${JSON.stringify(neutral[name]).replaceAll('"', "'")}\` | ${schema.description ?? ''} |`);
    expect(rows.filter((row) => !readme.includes(row))).toEqual([]);
  });

  it('names every route and every key', () => {
    expect(ROUTES.filter((route) => !readme.includes(route))).toEqual([]);
    expect(Object.values(SANDBOX_KEYS).filter((key) => !readme.includes(key) || key.length !== 32)).toEqual([]);
  });
});
