import { createServer, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { until } from '../../../tests/support/until.ts';
import { HttpText } from '../../atoms/http/http.ts';
import type { Instance } from '../../models/instance.ts';
import { ComfyuiInfo } from './info.ts';

/** Calls that wait for their answer. */
let open: ServerResponse[];
let asked: number;
let now: number;
let instance: Instance;
let info: ComfyuiInfo;
const server = createServer((_request, response) => {
  asked += 1;
  open.push(response);
});

beforeEach(async () => {
  [open, asked, now] = [[], 0, 1_000];
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  const { port } = server.address() as AddressInfo;
  instance = { name: 'one', url: `http://127.0.0.1:${port}`, headers: {} };
  info = new ComfyuiInfo(new HttpText(), { timeoutMs: 5_000, connectMs: 5_000, now: () => now });
});
afterEach(async () => {
  server.closeAllConnections();
  await new Promise((resolve) => server.close(resolve));
});

/** Answers the call that waits. */
async function says(...classes: string[]): Promise<void> {
  await until('it is asked', () => open.length > 0);
  open.shift()?.end(JSON.stringify(Object.fromEntries(classes.map((name) => [name, { input: {}, output_node: false }]))));
}

const first = async (): Promise<void> => {
  const answer = info.declarations(instance);
  await says('A');
  await answer;
};

describe('what an instance declares', () => {
  test('is asked once, however often it is wanted', async () => {
    const both = Promise.all([info.declarations(instance), info.recent(instance, 0)]);
    await says('A');
    expect((await both).map((one) => [...one.keys()])).toEqual([['A'], ['A']]);
    now += 1_000_000;
    await info.declarations(instance);
    expect(asked).toBe(1);
  });

  test('is asked anew where it is older than wanted, once for all who want it', async () => {
    await first();
    now += 10;
    await info.recent(instance, 10);
    expect(asked).toBe(1);
    now += 1;
    const both = Promise.all([info.recent(instance, 10), info.recent(instance, 10)]);
    await says('A', 'B');
    expect((await both).map((one) => one.size)).toEqual([2, 2]);
    expect([asked, info.known(instance)?.size, (await info.declarations(instance)).size]).toEqual([2, 2, 2]);
  });

  test('is known as it was until newer is there, also when asking fails', async () => {
    expect(info.known(instance)).toBeUndefined();
    await first();
    now += 11;
    const answer = info.recent(instance, 10);
    await until('it is asked', () => open.length > 0);
    expect([info.known(instance)?.size, (await info.declarations(instance)).size]).toEqual([1, 1]);
    open.shift()?.destroy();
    await expect(answer).rejects.toMatchObject({ code: 'CONNECTION_ERROR' });
    expect(info.known(instance)?.size).toBe(1);
    const again = info.recent(instance, 10);
    await says('A', 'B');
    expect((await again).size).toBe(2);
  });

  test('is forgotten with what is on its way', async () => {
    await first();
    now += 11;
    const late = info.recent(instance, 10);
    await until('it is asked', () => open.length > 0);
    info.forget(instance);
    await says('Old');
    await late;
    expect(info.known(instance)).toBeUndefined();
  });

  test('that could not be asked is asked again', async () => {
    const failed = info.declarations(instance);
    await until('it is asked', () => open.length > 0);
    open.shift()?.destroy();
    await expect(failed).rejects.toMatchObject({ code: 'CONNECTION_ERROR' });
    await first();
    expect(info.known(instance)?.size).toBe(1);
  });
});
