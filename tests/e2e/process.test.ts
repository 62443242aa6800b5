import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { expect, test } from 'vitest';
import { z } from 'zod';
import { configFolder } from '../support/config-folder.ts';
import { startEngine } from '../support/engine.ts';
import { GatewayProcess } from '../support/gateway-process.ts';
import { longWork, solidColour } from '../support/graphs.ts';
import { brokenRulesSinceRestart } from '../support/run-rules.ts';
import { temporaryFolder } from '../support/temporary-folder.ts';
import { until } from '../support/until.ts';

test('SIGTERM closes the sockets with 1001 and ends the process with 0', async () => {
  await using folder = await temporaryFolder();
  await using engine = await startEngine();
  await using gateway = await GatewayProcess.start({ instances: [engine.url], folder: folder.path });
  using socket = await gateway.socket('somebody');
  const { prompt_id: id } = await gateway.submit(solidColour(), { client_id: 'somebody' });
  await socket.ending(id);
  const [closed, ended] = await Promise.all([socket.closed, gateway.kill('SIGTERM')]);
  expect([closed.code, ended]).toEqual([1001, { code: 0, signal: null }]);
});

test('its first lines name the engines at RunningHub by their hosts, and no key', async () => {
  await using folder = await temporaryFolder();
  await using engine = await startEngine();
  const [own, other] = ['key-of-the-file-0000000000000001', 'key-of-the-house-000000000000001'];
  const hub = (url: string): unknown => ({ type: 'runninghub', config: { api_key: own, workflow_id: '1', api_base_url: url } });
  const config = await configFolder(folder.path, { engines: { pose_hub: hub('http://127.0.0.1:9'), far_hub: hub('http://localhost:9') } });
  const copy = join(folder.path, 'printed');
  const env = { COPY: copy, CONFIG_DIR: config, RUNNINGHUB_API_KEY: other, RUNNINGHUB_HOST: 'http://127.0.0.1:9' };
  await using gateway = await GatewayProcess.start({ instances: [engine.url], folder: folder.path, env, command: ['bash', '-c', 'exec node src/entry/main.ts > >(tee "$COPY")'] });
  await gateway.kill('SIGTERM');
  const printed = await readFile(copy, 'utf8');
  expect(printed).toMatch(/^ {2}engine {3}ComfyUI: .*\n {2}engine {3}RunningHub: pose_hub, runninghub at 127\.0\.0\.1:9\n {2}engine {3}RunningHub: far_hub at localhost:9\n {2}tasks /m);
  for (const key of [own, other]) expect(printed).not.toContain(key);
});

test('the lines about a prompt carry the request id of the call that submitted it', async () => {
  await using folder = await temporaryFolder();
  await using engine = await startEngine();
  await using gateway = await GatewayProcess.start({ instances: [engine.url], folder: folder.path });
  const answer = await fetch(`${gateway.url}/api/v1/workflows/submit`, { method: 'POST', headers: { 'content-type': 'application/json', 'x-request-id': 'trace-me' }, body: JSON.stringify({ workflow: solidColour() }) });
  const { prompt_id: id } = z.object({ prompt_id: z.string() }).parse(await answer.json());
  const traced = await until('the ending is in the log', async () => {
    const lines = (await readFile(join(folder.path, 'logs', 'app.log'), 'utf8').catch(() => '')).split('\n');
    return lines.find((line) => line.includes('"trace-me"') && line.includes('prompt completed'));
  });
  expect(JSON.parse(traced)).toMatchObject({ service: 'task_manager', prompt_id: id, request_id: 'trace-me' });
});

test('a prompt that runs while the gateway is killed and started again is taken up, and ends once', async () => {
  await using folder = await temporaryFolder();
  await using engine = await startEngine();
  const options = { instances: [engine.url], folder: folder.path };
  const before = await GatewayProcess.start(options);
  using early = await before.socket('loyal');
  const { prompt_id: id } = await before.submit(longWork(), { client_id: 'loyal' });
  const { prompt_id: next } = await before.submit(solidColour(), { client_id: 'loyal' });
  await before.reaches(id, 'running');
  await until('the watcher has been told', () => early.of(id).length > 1);
  await before.kill('SIGKILL');
  const since = Number(early.of(id).at(-1)?.data['seq']);
  await using after = await GatewayProcess.start(options);
  using socket = await after.socket('loyal');
  expect(['queued', 'running']).toContain((await after.state(id)).state);
  const ending = await socket.ending(next, 80_000);
  expect(ending).toMatchObject({ type: 'result', data: { images: [{ node_id: '2' }] } });
  expect(brokenRulesSinceRestart(socket.of(id))).toEqual([]);
  expect(brokenRulesSinceRestart(socket.of(next))).toEqual([]);
  expect(await after.state(id)).toMatchObject({ state: 'completed', outputs: [{ kind: 'image' }] });
  expect(await after.interrupt(id)).toMatchObject([{ outcome: 'already_finished' }]);
  using late = await after.socket('late');
  await late.ask('subscribe', { items: [{ prompt_id: id, since }] });
  expect((await late.ending(id)).type).toBe('result');
  expect(late.of(id).map(({ type, data }) => data['event'] ?? type)).toEqual(['reset', 'result']);
});
