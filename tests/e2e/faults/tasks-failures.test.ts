/** Failures that another attempt would only repeat. */
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import type { NodeClass } from '../../../sandbox/comfyui/node.ts';
import { NodeFailure } from '../../../sandbox/comfyui/node.ts';
import { startTestSandbox, type TestSandbox } from '../../support/engine.ts';
import { startTestGateway, type TestGateway } from '../../support/gateway.ts';
import { blank, solidColour } from '../../support/graphs.ts';
import { containing, matching } from '../../support/matchers.ts';
import { TasksClient } from '../../support/tasks-client.ts';

const raising = (type: string, message: string): NodeClass => ({ run: () => Promise.reject(new NodeFailure(type, message)) });
const declared = { input: { required: { image: ['IMAGE', {}] } }, output: ['IMAGE'], output_node: false };
const extraNodes = {
  nodes: new Map([['Raise', raising('ValueError', 'too many cooks')], ['Greedy', raising('torch.OutOfMemoryError', 'Allocation on device 0 would exceed allowed memory.')]]),
  objectInfo: { Raise: declared, Greedy: declared },
};
const through = (class_type: string) => ({ '1': blank(), '2': { class_type, inputs: { image: ['1', 0] } }, '3': { class_type: 'PreviewImage', inputs: { images: ['2', 0] } } });

let engine: TestSandbox;
let gateway: TestGateway;
let tasks: TasksClient;

beforeEach(async () => {
  engine = await startTestSandbox({ extraNodes });
  gateway = await startTestGateway({ instances: [engine.url], env: { RETRY_DELAY_SECONDS: '0.05', MAX_ATTEMPTS: '2' } });
  tasks = new TasksClient(gateway);
});
afterEach(async () => {
  engine.sandbox.knobs.reset();
  await gateway.close();
  await engine[Symbol.asyncDispose]();
});

const executions = (): number => Object.values(engine.sandbox.counters.snapshot.executions).reduce((sum, count) => sum + count, 0);
const posts = (): number => engine.sandbox.counters.snapshot.requests['POST /prompt'] ?? 0;

describe('a failure that does not pass', () => {
  test('ends the task after MAX_ATTEMPTS, saying so', async () => {
    engine.sandbox.knobs.set({ failPromptBefore: 9 });
    const view = await tasks.run({ workflow: solidColour() });
    expect(view).toMatchObject({ status: 'failed', attempt: 2, error: { code: 'UPSTREAM_ERROR', reason: matching(/\b2\b.*attempt|attempt.*\b2\b/) } });
    expect([view.attempts.length, posts(), executions()]).toEqual([2, 2, 0]);
  });

  test('may be tried again by its owner, with as many attempts once more', async () => {
    engine.sandbox.knobs.set({ failPromptBefore: 3 });
    const { task_id: id } = await tasks.run({ workflow: solidColour() });
    await tasks.retry(id);
    expect(await tasks.ended(id)).toMatchObject({ status: 'completed', attempt: 4 });
  });
});

describe('is never tried again:', () => {
  test('a graph that the engine refuses; its faults are passed on', async () => {
    const view = await tasks.run({ workflow: { ...solidColour(), '1': { class_type: 'EmptyImage', inputs: { width: -5, height: 32, batch_size: 1, color: 0 } } } });
    expect(view).toMatchObject({ status: 'failed', attempt: 1, error: { code: 'WORKFLOW_VALIDATION_ERROR', faults: [{ node_id: '1', class_type: 'EmptyImage', input: 'width' }] } });
    expect(posts()).toBeLessThanOrEqual(1);
  });

  test('a node that raises: node, class and exception are told', async () => {
    const view = await tasks.run({ workflow: through('Raise') });
    expect(view).toMatchObject({ status: 'failed', attempt: 1, error: { code: 'WORKFLOW_EXECUTION_ERROR', node_id: '2', class_type: 'Raise', exception_type: 'ValueError', exception_message: 'too many cooks' } });
    expect(executions()).toBe(1);
  });

  test('a lack of memory: said in plain words, the raw text kept', async () => {
    const view = await tasks.run({ workflow: through('Greedy') });
    expect(view).toMatchObject({ status: 'failed', attempt: 1, error: { code: 'WORKFLOW_EXECUTION_ERROR', exception_message: 'Allocation on device 0 would exceed allowed memory.' } });
    expect(view.error?.hint).toMatch(/memory/i);
  });

  test('a model that is not there: said in plain words, with the raw text', async () => {
    const view = await tasks.run({ template: 'text-to-image', inputs: { prompt: 'fog', checkpoint: 'no-such.safetensors' } });
    expect(view).toMatchObject({ status: 'failed', attempt: 1, error: { code: 'WORKFLOW_VALIDATION_ERROR', reason: containing('no-such.safetensors') } });
    expect(view.error?.hint).toContain('no model "no-such.safetensors" for CheckpointLoaderSimple: choose one that it has');
    expect(executions()).toBe(0);
  });
});
