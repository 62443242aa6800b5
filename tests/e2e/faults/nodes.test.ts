import { expect, test } from 'vitest';
import type { NodeClass } from '../../../sandbox/comfyui/node.ts';
import { NodeFailure } from '../../../sandbox/comfyui/node.ts';
import { startTestSandbox } from '../../support/engine.ts';
import { startTestGateway } from '../../support/gateway.ts';
import { blank, solidColour } from '../../support/graphs.ts';
import { containing } from '../../support/matchers.ts';
import { brokenRules } from '../../support/run-rules.ts';
import { recordedRuns, startScriptedEngine } from '../../support/scripted-engine.ts';

const raising: NodeClass = { run: () => Promise.reject(new NodeFailure('ValueError', 'too many cooks')) };
const extraNodes = {
  nodes: new Map([['Raise', raising]]),
  objectInfo: { Raise: { input: { required: { image: ['IMAGE', {}] } }, output: ['IMAGE'], output_node: false } },
};

test('a node that raises ends the prompt with node, class and exception, and the files made before', async () => {
  await using engine = await startTestSandbox({ extraNodes });
  await using gateway = await startTestGateway({ instances: [engine.url] });
  using socket = await gateway.socket('watcher');
  const graph = { ...solidColour(), '3': { class_type: 'Raise', inputs: { image: ['1', 0] } }, '4': { class_type: 'PreviewImage', inputs: { images: ['3', 0] } } };
  const { prompt_id: id } = await gateway.submit(graph, { client_id: 'watcher' });
  const ending = await socket.ending(id);
  expect(ending).toMatchObject({
    type: 'execution_error',
    data: { code: 'WORKFLOW_EXECUTION_ERROR', node_id: '3', node_type: 'Raise', class_type: 'Raise', exception_type: 'ValueError', exception_message: 'too many cooks', reason: 'Node 3 (Raise) raised ValueError: too many cooks', images: [{ node_id: '2' }] },
  });
  expect(brokenRules(socket.of(id))).toEqual([]);
  expect(await gateway.state(id)).toMatchObject({ state: 'failed', error: { code: 'WORKFLOW_EXECUTION_ERROR', node_id: '3', class_type: 'Raise', exception_type: 'ValueError' }, outputs: [{ node_id: '2' }] });
  expect(await gateway.history(id)).toMatchObject({ state: 'failed', error: { exception_message: 'too many cooks' } });
  const { prompt_id: next } = await gateway.submit({ '1': blank(), '2': { class_type: 'PreviewImage', inputs: { images: ['1', 0] } } });
  expect((await gateway.ended(next)).state).toBe('completed');
});

test('a blocked branch is told as a system message, and the prompt completes', async () => {
  const runs = recordedRuns('nodes/20-execution-blocker.jsonl');
  await using engine = await startScriptedEngine(runs);
  await using gateway = await startTestGateway({ instances: [engine.url] });
  using socket = await gateway.socket('watcher');
  for (const [n, run] of runs.entries()) {
    const { prompt_id: id } = await gateway.submit(run.workflow, { client_id: 'watcher' });
    expect((await socket.ending(id)).type).toBe('result');
    expect(brokenRules(socket.of(id))).toEqual([]);
    const blocked = socket.of(id).filter((message) => message.data['code'] === 'EXECUTION_BLOCKED');
    expect(blocked).toHaveLength(n === 0 ? 1 : 0);
    if (n === 0) expect(blocked[0]).toMatchObject({ type: 'system', data: { event: 'blocked', node_id: '3', node_type: 'PreviewImage', exception_message: containing('blocked on purpose') } });
    expect((await gateway.state(id)).state).toBe('completed');
  }
});

test.each(['nodes/19-subgraph-expansion.jsonl', 'nodes/21-async-nodes.jsonl'])('the recorded runs of %s end as they should, with progress that never goes back', async (file) => {
  const runs = recordedRuns(file);
  await using engine = await startScriptedEngine(runs);
  await using gateway = await startTestGateway({ instances: [engine.url] });
  using socket = await gateway.socket('watcher');
  for (const run of runs) {
    const { prompt_id: id } = await gateway.submit(run.workflow, { client_id: 'watcher' });
    const ending = await socket.ending(id);
    // One run was recorded without its history: its messages tell.
    const wentWell = run.frames.some((frame) => frame.includes('"execution_success"'));
    expect(ending.type).toBe(wentWell ? 'result' : 'execution_error');
    expect(brokenRules(socket.of(id))).toEqual([]);
  }
});

test('a message that cannot be passed on does not end the others', async () => {
  const runs = recordedRuns('nodes/20-execution-blocker.jsonl');
  const deep = (id: string): string => `{"type": "executed", "data": {"prompt_id": "${id}", "node": "9", "output": {"text": ${'['.repeat(100_000)}${']'.repeat(100_000)}}}}`;
  await using engine = await startScriptedEngine(runs.map((run) => ({ ...run, frames: run.frames.toSpliced(4, 0, deep(run.recordedId)) })));
  await using gateway = await startTestGateway({ instances: [engine.url] });
  using socket = await gateway.socket('watcher');
  for (const { workflow } of runs) {
    const { prompt_id: id } = await gateway.submit(workflow, { client_id: 'watcher' });
    await socket.ending(id);
    expect(brokenRules(socket.of(id))).toEqual([]);
  }
  expect(await gateway.healthy()).toBe(1);
});

test('an error whose inputs are nested too deep to be passed on is told without them', async () => {
  const [run] = recordedRuns('06-execution-error.jsonl');
  if (!run) throw new TypeError('there is no such recording');
  const history = run.history.replace('"current_inputs": {', `"current_inputs": {"deep": ${'['.repeat(100_000)}${']'.repeat(100_000)}, `);
  await using engine = await startScriptedEngine([{ ...run, history }]);
  await using gateway = await startTestGateway({ instances: [engine.url] });
  using socket = await gateway.socket('watcher');
  const { prompt_id: id } = await gateway.submit(run.workflow, { client_id: 'watcher' });
  const { type, data } = await socket.ending(id);
  expect([type, data['code'], data['exception_type'], data['current_inputs']]).toEqual(['execution_error', 'WORKFLOW_EXECUTION_ERROR', 'ValueError', undefined]);
  expect(brokenRules(socket.of(id))).toEqual([]);
  expect((await gateway.state(id)).state).toBe('failed');
});
