/** A database that takes no endings for a while: here a trigger from outside, which refuses them as a full disk does. */
import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { DatabaseSync } from 'node:sqlite';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { startTestSandbox, type TestSandbox } from '../../support/engine.ts';
import { startTestGateway, type TestGateway } from '../../support/gateway.ts';
import { GatewayProcess } from '../../support/gateway-process.ts';
import { solidColour, textToImage } from '../../support/graphs.ts';
import { brokenRules } from '../../support/run-rules.ts';
import { isEnding, type TestSocket } from '../../support/socket.ts';
import { temporaryFolder } from '../../support/temporary-folder.ts';
import { until } from '../../support/until.ts';

let folder: Awaited<ReturnType<typeof temporaryFolder>>;
let engine: TestSandbox;

beforeEach(async () => {
  folder = await temporaryFolder();
  engine = await startTestSandbox({ knobs: { hold: true } });
});
afterEach(async () => {
  await engine[Symbol.asyncDispose]();
  await folder[Symbol.asyncDispose]();
});

function onDatabase(statement: string): void {
  using database = new DatabaseSync(join(folder.path, 'data', 'gateway.db'), { timeout: 5_000 });
  database.exec(statement);
}
const refuseEndings = (): void => onDatabase("CREATE TRIGGER full BEFORE UPDATE OF state ON prompts BEGIN SELECT RAISE(ABORT, 'database or disk is full'); END");
const takeEndings = (): void => onDatabase('DROP TRIGGER full');
const endingsOf = (socket: TestSocket, id: string): number => socket.of(id).filter(isEnding).length;

async function finishThere(id: string): Promise<void> {
  engine.sandbox.knobs.set({ hold: false });
  await until('it has ended there', async () => (await (await fetch(`${engine.url}/history/${id}`)).text()) !== '{}');
}

describe('an ending that cannot be written', () => {
  test('is held back, and told once when it is written, with everything that can be asked for', async () => {
    await using gateway = await startTestGateway({ instances: [engine.url], folder: folder.path });
    using socket = await gateway.socket('watcher');
    const ids = [await submit(gateway), await submit(gateway), await submit(gateway)];
    refuseEndings();
    for (const id of ids) await finishThere(id);
    await until('all are held back, and tried again', async () => /still cannot be written[^\n]*"prompts":3/.test(await readFile(join(folder.path, 'logs', 'app.log'), 'utf8')));
    for (const id of ids) {
      expect(endingsOf(socket, id)).toBe(0);
      expect([(await gateway.state(id)).state, await gateway.history(id), (await gateway.images(id)).length]).toEqual(['running', {}, 1]);
    }
    engine.sandbox.knobs.set({ emptyHistory: true });
    takeEndings();
    for (const id of ids) {
      expect(await socket.ending(id)).toMatchObject({ type: 'result' });
      expect(await gateway.state(id)).toMatchObject({ state: 'completed', outputs: [{}] });
      expect(await gateway.history(id)).toMatchObject({ state: 'completed', status: { completed: true } });
      expect(await gateway.images(id)).toHaveLength(1);
      expect([endingsOf(socket, id), brokenRules(socket.of(id))]).toEqual([1, []]);
    }
    expect((await gateway.queue()).queue_remaining).toBe(0);
  });

  test('is no time limit that passed, and none that an interrupt changes', async () => {
    await using gateway = await startTestGateway({ instances: [engine.url], folder: folder.path, env: { COMFYUI_TIMEOUT: '1' } });
    using socket = await gateway.socket('watcher');
    engine.sandbox.knobs.set({ hold: false });
    const id = await submit(gateway);
    await socket.ending(id);
    engine.sandbox.knobs.set({ stepDelayMs: 50 });
    refuseEndings();
    const { prompt_id: held } = await gateway.submit(textToImage(2), { client_id: 'watcher' });
    await finishThere(held);
    const { prompt_id: stopped } = await gateway.submit(textToImage(1_000), { client_id: 'watcher' });
    await until('its time is over there', async () => (await (await fetch(`${engine.url}/history/${stopped}`)).text()) !== '{}');
    takeEndings();
    expect(await socket.ending(held)).toMatchObject({ type: 'result' });
    expect(await socket.ending(stopped)).toMatchObject({ type: 'execution_error', data: { code: 'TASK_TIMEOUT' } });
    for (const one of [held, stopped]) expect([endingsOf(socket, one), brokenRules(socket.of(one))]).toEqual([1, []]);
  });

  test('is found again by the next gateway when this one dies', async () => {
    const options = { instances: [engine.url], folder: folder.path };
    const before = await GatewayProcess.start(options);
    const id = await submit(before);
    refuseEndings();
    await finishThere(id);
    await before.kill('SIGTERM');
    takeEndings();
    await using after = await GatewayProcess.start(options);
    expect(await after.ended(id)).toMatchObject({ state: 'completed', outputs: [{}] });
  });
});

async function submit(gateway: TestGateway | GatewayProcess): Promise<string> {
  return (await gateway.submit(solidColour(), { client_id: 'watcher' })).prompt_id;
}
