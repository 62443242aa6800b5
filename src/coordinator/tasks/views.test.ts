import { describe, expect, it } from 'vitest';
import type { TaskDetails, TaskRecord } from '../../models/task-store.ts';
import type { PlannedStep } from '../../models/task-plan.ts';
import type { Template } from '../../models/template.ts';
import { acceptedOf, counting, summaryOf, type ViewFacts, viewOf } from './views.ts';

const nothing = { begunAt: undefined, startedAt: undefined, inputsFetchedAt: undefined, executedAt: undefined, storedAt: undefined, endedAt: undefined, cancelRequestedAt: undefined, deadlineAt: undefined, worker: undefined, jobId: undefined, current: undefined, error: undefined, metadata: undefined };
const task = (over: Partial<TaskRecord> = {}): TaskRecord => ({
  ...{ ...nothing, id: 't1', owner: 'ann', admin: false, clientId: 'page', kind: 'workflow', type: 'WORKFLOW', name: '', engine: 'comfyui', status: 'pending', priority: 0 },
  ...{ attempt: 0, triesFrom: 0, step: 0, createdAt: 1_000, availableAt: 1_000, progress: 0, seq: 1, ...over },
});
const step: PlannedStep = { name: '', engine: 'comfyui', template: undefined, workflow: {}, inputs: {}, deferred: false, extraData: undefined };
const template: Template = { name: 'say', title: '', description: '', workflow: {}, inputs: {}, outputs: undefined };
const view = (over: Partial<TaskRecord> = {}, facts: Partial<Omit<ViewFacts, 'details'>> & { details?: Partial<TaskDetails> } = {}) =>
  viewOf({ attempts: [], position: undefined, etaMs: undefined, retentionDays: 30, now: 2_000, waitingFor: undefined, ...facts, task: task(over), details: { plan: { inputs: {}, steps: [step] }, results: [], outputs: [], warnings: [], webhook: undefined, ...facts.details } });
const planned = (inputs: Record<string, unknown>, ...steps: Partial<PlannedStep>[]) => ({ details: { plan: { inputs, steps: steps.map((one) => ({ ...step, ...one })) } } });

describe('a task as callers see it', () => {
  it('has nothing of what there is not', () => {
    const links = { self: '/api/v1/tasks/t1', outputs: '/api/v1/tasks/t1/outputs', events: '/api/v1/tasks/t1/events', cancel: '/api/v1/tasks/t1/cancel' };
    expect(view()).toEqual({ task_id: 't1', status: 'pending', owner: 'ann', task_type: 'WORKFLOW', engine: 'comfyui', priority: 0, client_id: 'page', created_at: 1_000, progress: 0, attempt: 0, outputs: [], attempts: [], timings: { queued_at: 1_000 }, seq: 1, links });
    expect(acceptedOf(task())).toEqual({ task_id: 't1', status: 'pending', task_type: 'WORKFLOW', created_at: 1_000, links });
    expect(summaryOf(task({ kind: 'template', name: 'say' }))).toMatchObject({ template: 'say' });
    expect(summaryOf(task({ kind: 'pipeline', name: 'speak' }))).not.toHaveProperty('template');
  });

  it('tells its place in the queue, when it is done, and when the next attempt is made', () => {
    expect(view({ availableAt: 5_000 }, { position: 0, etaMs: 1_260 })).toMatchObject({ position: 0, eta_seconds: 1.3, next_attempt_at: 5_000 });
    for (const past of [{ availableAt: 1_500 }, { status: 'processing' as const, availableAt: 5_000 }]) expect(view(past)).not.toHaveProperty('next_attempt_at');
    expect(view({}, { waitingFor: 'no worker' })).toMatchObject({ waiting_for: 'no worker' });
  });

  it('tells what runs while it is worked on, and no longer', () => {
    const current = { node: '3' };
    expect(view({ status: 'processing', current })).toMatchObject({ current });
    expect(view({ status: 'failed', current })).not.toHaveProperty('current');
  });

  it('tells how long what took', () => {
    expect(view({ status: 'completed', begunAt: 1_500, startedAt: 1_500, inputsFetchedAt: 1_600, executedAt: 2_000, storedAt: 2_100, endedAt: 2_200 }).timings).toEqual({ queued_at: 1_000, started_at: 1_500, wait_ms: 500, inputs_fetched_at: 1_600, executed_at: 2_000, stored_at: 2_100, finished_at: 2_200, total_ms: 1_200, run_ms: 700 });
    expect(view({ status: 'cancelled', endedAt: 1_200 }).timings).toEqual({ queued_at: 1_000, finished_at: 1_200, total_ms: 200 });
  });

  it('tells when it is forgotten, once it has ended and if it ever is', () => {
    expect(view({ status: 'completed', endedAt: 2_000 })).toMatchObject({ expires_at: 2_000 + 30 * 86_400_000 });
    expect(view({ status: 'completed', endedAt: 2_000 }, { retentionDays: 0 })).not.toHaveProperty('expires_at');
    expect(view({ status: 'processing' })).not.toHaveProperty('expires_at');
  });

  it('tells the step of a pipeline that it is at', () => {
    expect(view({ step: 1, status: 'failed' }, planned({}, { name: 'draw' }, { name: 'swap' }))).toMatchObject({ step: 'swap' });
  });

  it('tells its inputs with what was filled in, and of a pipeline as they were given', () => {
    expect(view({}, planned({ prompt: 'x' }, { template, inputs: { prompt: 'x', seed: 7 } })).inputs).toEqual({ prompt: 'x', seed: 7 });
    expect(view({}, planned({ prompt: 'x' }, { name: 'a', template, inputs: { seed: 7 } }, { name: 'b' })).inputs).toEqual({ prompt: 'x' });
  });

  it('does not tell pictures back that came inside of the call', () => {
    const uri = `data:image/png;base64,${'A'.repeat(5_000)}`;
    const { inputs } = view({}, planned({ image: uri, prompt: 'y'.repeat(5_000) }));
    expect(inputs?.['image']).toBe(`${uri.slice(0, 60)}… (${uri.length} characters)`);
    expect(inputs?.['prompt']).toHaveLength(5_000);
  });

  it('tells warnings where there are any', () => {
    expect(view({}, { details: { warnings: ['mind'] } })).toMatchObject({ warnings: ['mind'] });
  });
});

it('outputs that count are those of the nodes that do', () => {
  const outputs = ['1', '2', '3'].map((id) => ({ filename: `${id}.png`, subfolder: '', type: 'output', node_id: id, kind: 'image' as const }));
  expect(counting(outputs, ['3', '1', '9']).map(({ node_id: id }) => id)).toEqual(['1', '3']);
  expect(counting(outputs, undefined)).toEqual(outputs);
  expect(counting(outputs, [])).toEqual([]);
});
