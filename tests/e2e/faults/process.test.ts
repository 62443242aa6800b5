import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { expect, test } from 'vitest';
import { z } from 'zod';
import { startTestSandbox } from '../../support/engine.ts';
import { GatewayProcess, lives } from '../../support/gateway-process.ts';
import { inverted, textToImage } from '../../support/graphs.ts';
import { brokenRulesSinceRestart } from '../../support/run-rules.ts';
import { temporaryFolder } from '../../support/temporary-folder.ts';
import { until } from '../../support/until.ts';

const Address = z.object({ url: z.string(), pid: z.int() });

/** The sandbox that the gateway of that folder started. */
async function sandboxOf(folder: string): Promise<z.infer<typeof Address>> {
  return Address.parse(JSON.parse(await readFile(join(folder, 'data', 'sandbox.json'), 'utf8')));
}

const isGone = async (url: string): Promise<boolean> => fetch(url).then(() => false, () => true);

test('a gateway killed while prompts run is started again: each ends once, and what ended meanwhile has its result', async () => {
  await using folder = await temporaryFolder();
  await using engine = await startTestSandbox({ knobs: { hold: true } });
  const options = { instances: [engine.url], folder: folder.path };
  const before = await GatewayProcess.start(options);
  const submit = async (): Promise<string> => (await before.submit(inverted(), { client_id: 'loyal' })).prompt_id;
  const [meanwhile, later, removed] = [await submit(), await submit(), await submit()];
  await before.reaches(meanwhile, 'running');
  await before.kill('SIGKILL');
  await fetch(`${engine.url}/queue`, { method: 'POST', body: JSON.stringify({ delete: [removed] }) });
  engine.sandbox.knobs.set({ hold: false, nodeDelayMs: 250 });
  await until('one has ended meanwhile', async () => (await (await fetch(`${engine.url}/history/${meanwhile}`)).text()) !== '{}');
  engine.sandbox.knobs.set({ hold: true });
  await using after = await GatewayProcess.start(options);
  using socket = await after.socket('loyal');
  expect(await after.ended(meanwhile)).toMatchObject({ state: 'completed', outputs: [{ node_id: '3' }] });
  expect(await after.ended(removed)).toMatchObject({ state: 'failed', error: { code: 'PROMPT_LOST' } });
  engine.sandbox.knobs.set({ hold: false });
  expect(await after.ended(later)).toMatchObject({ state: 'completed', outputs: [{ node_id: '3' }] });
  expect((await socket.ending(later)).type).toBe('result');
  expect(brokenRulesSinceRestart(socket.of(later))).toEqual([]);
  expect([meanwhile, later].map((id) => engine.sandbox.counters.snapshot.executions[id])).toEqual([1, 1]);
});

test('a killed gateway leaves its sandbox with its work to the next, which finds it there', async () => {
  await using folder = await temporaryFolder();
  const options = { instances: ['sandbox'], folder: folder.path };
  const before = await GatewayProcess.start(options);
  const sandbox = await sandboxOf(folder.path);
  const { prompt_id: id } = await before.submit(textToImage(20));
  await before.reaches(id, 'running');
  // On a busy machine the next one may need longer than the sandbox waits.
  const lease = new AbortController();
  await fetch(`${sandbox.url}/sandbox/lease`, { signal: lease.signal });
  await before.kill('SIGKILL');
  await using after = await GatewayProcess.start(options);
  lease.abort();
  expect(await sandboxOf(folder.path)).toEqual(sandbox);
  expect(await after.ended(id)).toMatchObject({ state: 'completed' });
  await after.kill('SIGTERM');
  await until('the sandbox has ended', () => !lives(sandbox.pid));
});

test('the sandbox ends by itself when its only gateway was killed', async () => {
  await using folder = await temporaryFolder();
  await using gateway = await GatewayProcess.start({ instances: ['sandbox'], folder: folder.path });
  const { pid } = await sandboxOf(folder.path);
  expect(lives(pid)).toBe(true);
  await gateway.kill('SIGKILL');
  await until('the sandbox has ended', () => !lives(pid));
});

test('a second gateway attaches to the same sandbox, which lives until the last of them has gone', async () => {
  await using folder = await temporaryFolder();
  const options = { instances: ['sandbox'], folder: folder.path };
  await using first = await GatewayProcess.start(options);
  const sandbox = await sandboxOf(folder.path);
  await using second = await GatewayProcess.start({ ...options, env: { LOG_DIR: join(folder.path, 'logs-of-second') } });
  expect(await sandboxOf(folder.path)).toEqual(sandbox);
  expect(await first.kill('SIGTERM')).toEqual({ code: 0, signal: null });
  const { prompt_id: id } = await second.submit(inverted());
  expect((await second.ended(id)).state).toBe('completed');
  expect(lives(sandbox.pid)).toBe(true);
  expect(await second.kill('SIGTERM')).toEqual({ code: 0, signal: null });
  await until('the sandbox has ended', () => !lives(sandbox.pid));
});

test('a sandbox that dies is started again at its address, and its prompts are told to be lost', async () => {
  await using folder = await temporaryFolder();
  await using gateway = await GatewayProcess.start({ instances: ['sandbox'], folder: folder.path });
  using socket = await gateway.socket('watcher');
  const { pid, url } = await sandboxOf(folder.path);
  const { prompt_id: id } = await gateway.submit(textToImage(1_000), { client_id: 'watcher' });
  await gateway.reaches(id, 'running');
  process.kill(pid, 'SIGKILL');
  expect(await socket.ending(id)).toMatchObject({ type: 'execution_error', data: { code: 'PROMPT_LOST' } });
  const { pid: newPid, url: newUrl } = await sandboxOf(folder.path);
  expect([newPid === pid, newUrl]).toEqual([false, url]);
  const { prompt_id: next } = await gateway.submit(inverted());
  expect((await gateway.ended(next)).state).toBe('completed');
  await gateway.kill('SIGTERM');
  await until('the sandbox has ended', () => !lives(newPid));
});

test('SIGTERM to npm start ends gateway and sandbox, and leaves nothing behind', async () => {
  await using folder = await temporaryFolder();
  await using gateway = await GatewayProcess.start({ instances: ['sandbox'], folder: folder.path, command: ['npm', 'start'] });
  const { pid } = await sandboxOf(folder.path);
  using socket = await gateway.socket('somebody');
  const { prompt_id: id } = await gateway.submit(inverted(), { client_id: 'somebody' });
  await socket.ending(id);
  gateway.child.kill('SIGTERM');
  expect((await socket.closed).code).toBe(1001);
  await gateway.exited;
  await until('nobody listens any more', () => isGone(`${gateway.url}/healthz`));
  await until('the sandbox has ended', () => !lives(pid));
});
