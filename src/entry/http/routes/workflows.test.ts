import { describe, expect, it, vi } from 'vitest';
import { jsonHeaders, problemOf, startApp } from '../../../../tests/support/http-app.ts';
import { fail } from '../../../core/errors.ts';
import type { Caller } from '../../../models/caller.ts';
import type { DiagnosisAnswer } from '../../../models/diagnosis.ts';
import type { Workflow } from '../../../models/workflow.ts';

const answer: DiagnosisAnswer = { valid: false, instances: [], errors: [] };
const seen = () => vi.fn<(caller: Caller, workflow: Workflow) => Promise<DiagnosisAnswer>>(async () => answer);
const post = (url: string, body: unknown) => fetch(`${url}/api/v1/workflows/validate`, { method: 'POST', headers: jsonHeaders, body: JSON.stringify(body) });

describe('POST /api/v1/workflows/validate', () => {
  it('answers 200 for a workflow that is not valid', async () => {
    const diagnose = seen();
    await using app = await startApp({}, { workflows: { diagnose } });
    const response = await post(app.url, { workflow: { '1': {} }, template: null });
    expect([response.status, await response.json()]).toEqual([200, answer]);
    expect(diagnose.mock.calls[0]?.[1]).toEqual({ '1': {} });
  });

  it('looks at what a template becomes with its inputs', async () => {
    const diagnose = seen();
    const graph = (template: string, inputs: Readonly<Record<string, unknown>>) => ({ [template]: inputs });
    await using app = await startApp({}, { workflows: { diagnose }, catalog: { graph } });
    expect((await post(app.url, { template: 'portrait', inputs: { prompt: 'a' } })).status).toBe(200);
    expect((await post(app.url, { template: 'portrait' })).status).toBe(200);
    expect(diagnose.mock.calls.map((call) => call[1])).toEqual([{ portrait: { prompt: 'a' } }, { portrait: {} }]);
  });

  it('passes on why a template makes no graph', async () => {
    const graph = () => {
      throw fail('VALIDATION_ERROR', 'prompt is missing.');
    };
    await using app = await startApp({}, { workflows: { diagnose: seen() }, catalog: { graph } });
    expect(await problemOf(await post(app.url, { template: 'portrait' }))).toMatchObject({ code: 'VALIDATION_ERROR', detail: expect.stringContaining('prompt is missing') as unknown });
  });

  it('is limited by MAX_WORKFLOW_MB', async () => {
    await using app = await startApp({ MAX_WORKFLOW_MB: '0.001' }, { workflows: { diagnose: seen() } });
    expect(await problemOf(await post(app.url, { workflow: { '1': 'x'.repeat(2_000) } }))).toMatchObject({ code: 'PAYLOAD_TOO_LARGE', detail: expect.stringContaining('MAX_WORKFLOW_MB') as unknown });
  });
});
