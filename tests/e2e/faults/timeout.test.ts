import { expect, test } from 'vitest';
import { startTestSandbox } from '../../support/engine.ts';
import { startTestGateway } from '../../support/gateway.ts';
import { solidColour, textToImage } from '../../support/graphs.ts';
import { containing } from '../../support/matchers.ts';
import { brokenRules } from '../../support/run-rules.ts';

test('a prompt that runs longer than COMFYUI_TIMEOUT is interrupted and fails; no other is touched', async () => {
  await using engine = await startTestSandbox({ knobs: { stepDelayMs: 100 } });
  await using gateway = await startTestGateway({ instances: [engine.url], env: { COMFYUI_TIMEOUT: '1' } });
  using socket = await gateway.socket('watcher');
  const { prompt_id: slow } = await gateway.submit(textToImage(1_000), { client_id: 'watcher' });
  const { prompt_id: next } = await gateway.submit(solidColour(), { client_id: 'watcher' });
  expect(await socket.ending(slow)).toMatchObject({ type: 'execution_error', data: { code: 'TASK_TIMEOUT', reason: containing('COMFYUI_TIMEOUT, 1 seconds') } });
  expect((await socket.ending(next)).type).toBe('result');
  for (const id of [slow, next]) expect(brokenRules(socket.of(id))).toEqual([]);
  expect(await gateway.state(slow)).toMatchObject({ state: 'failed', error: { code: 'TASK_TIMEOUT' } });
});

test('an instance that is away for longer than COMFYUI_TIMEOUT has lost its prompts', async () => {
  await using engine = await startTestSandbox({ knobs: { hold: true } });
  await using gateway = await startTestGateway({ instances: [engine.url], env: { COMFYUI_TIMEOUT: '1' } });
  using socket = await gateway.socket('watcher');
  const { prompt_id: id } = await gateway.submit(solidColour(), { client_id: 'watcher' });
  engine.sandbox.knobs.set({ refuseSockets: true });
  engine.sandbox.closeSockets();
  expect(await socket.ending(id)).toMatchObject({ type: 'execution_error', data: { code: 'PROMPT_LOST', reason: containing('not been reachable') } });
  expect(brokenRules(socket.of(id))).toEqual([]);
});
