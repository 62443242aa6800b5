import { describe, expect, test } from 'vitest';
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

describe('a node that does not react to an interrupt', () => {
  test('does not keep its prompt from its end, nor those behind it from theirs', async () => {
    await using engine = await startTestSandbox({ knobs: { hold: true, deaf: true } });
    await using gateway = await startTestGateway({ instances: [engine.url], env: { COMFYUI_TIMEOUT: '1' } });
    using socket = await gateway.socket('watcher');
    const { prompt_id: stuck } = await gateway.submit(solidColour(), { client_id: 'watcher' });
    const { prompt_id: behind } = await gateway.submit(solidColour(), { client_id: 'watcher' });
    expect(await socket.ending(stuck)).toMatchObject({ type: 'execution_error', data: { code: 'TASK_TIMEOUT' } });
    expect(await gateway.state(stuck)).toMatchObject({ state: 'failed', error: { code: 'TASK_TIMEOUT' } });
    expect((await gateway.state(behind)).state).toBe('queued');
    engine.sandbox.knobs.reset();
    expect((await socket.ending(behind)).type).toBe('result');
    for (const id of [stuck, behind]) expect(brokenRules(socket.of(id))).toEqual([]);
    expect((await gateway.queue()).queue_remaining).toBe(0);
  });

  test('on one of two instances holds up nobody on the other', async () => {
    await using one = await startTestSandbox({ knobs: { hold: true, deaf: true } });
    await using two = await startTestSandbox({ knobs: { hold: true, deaf: true } });
    await using gateway = await startTestGateway({ instances: [one.url, two.url], env: { COMFYUI_TIMEOUT: '1' } });
    using socket = await gateway.socket('watcher');
    const { prompt_id: stuck, instance } = await gateway.submit(solidColour(), { client_id: 'watcher' });
    const other = new URL(one.url).host === instance ? two : one;
    other.sandbox.knobs.reset();
    let meanwhile = 0;
    while ((await gateway.state(stuck)).state !== 'failed') {
      const answer = await gateway.submit(solidColour(), { client_id: 'watcher' });
      expect(answer.instance).toBe(new URL(other.url).host);
      expect((await socket.ending(answer.prompt_id)).type).toBe('result');
      meanwhile += 1;
    }
    expect(meanwhile).toBeGreaterThan(1);
    expect(await socket.ending(stuck)).toMatchObject({ type: 'execution_error', data: { code: 'TASK_TIMEOUT', instance } });
    expect(brokenRules(socket.of(stuck))).toEqual([]);
    expect((await gateway.submit(solidColour())).instance).toBe(new URL(other.url).host);
  });
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
