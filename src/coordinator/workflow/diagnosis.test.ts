import { createServer, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { HttpText } from '../../atoms/http/http.ts';
import { limits } from '../../constants/limits.ts';
import type { Caller } from '../../models/caller.ts';
import { ComfyuiInfo } from '../../molecules/comfyui-info/info.ts';
import { InstancePool } from '../../molecules/instance-pool/pool.ts';
import { Diagnosis } from './diagnosis.ts';

const caller: Caller = { key: 'alice', admin: false };
const workflow = { '1': { class_type: 'Show', inputs: {} } };

let silent: boolean;
let now: number;
let server: Server;
let pool: InstancePool;
let diagnosis: Diagnosis;

beforeEach(async () => {
  [silent, now] = [false, 0];
  server = createServer((_request, response) => void (silent || response.end('{"Show":{"input":{},"output_node":true}}')));
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  const { port } = server.address() as AddressInfo;
  pool = new InstancePool([{ name: 'one', url: `http://127.0.0.1:${port}`, headers: {} }]);
  pool.connected('one', { at: 0, sandbox: false, version: undefined });
  const info = new ComfyuiInfo(new HttpText(), { timeoutMs: 60_000, connectMs: 1_000, now: () => now });
  diagnosis = new Diagnosis({ comfyui: { info }, pool });
});
afterEach(async () => {
  server.closeAllConnections();
  await new Promise((resolve) => server.close(resolve));
});

const run = (signal = new AbortController().signal) => diagnosis.run(caller, workflow, signal);

describe('a diagnosis', () => {
  test('takes an instance that is slow today at its last word, but not one that has gone away', async () => {
    expect((await run()).valid).toBe(true);
    silent = true;
    now = limits.declarationsAge + 1;
    const begun = performance.now();
    expect((await run()).instances).toMatchObject([{ checked: true, valid: true }]);
    expect(performance.now() - begun).toBeGreaterThan(limits.showingPatience - 100);
    pool.disconnected('one', 'gone');
    expect((await run()).instances).toMatchObject([{ checked: false, valid: false }]);
  }, 15_000);

  test('sees what was installed since', async () => {
    const wanted = { '1': { class_type: 'New', inputs: {} } };
    expect((await diagnosis.run(caller, wanted, new AbortController().signal)).instances[0]?.errors).toMatchObject([{ type: 'missing_node_type' }]);
    server.removeAllListeners('request').on('request', (_request, response) => void response.end('{"New":{"input":{},"output_node":true}}'));
    now = limits.declarationsAge + 1;
    expect((await diagnosis.run(caller, wanted, new AbortController().signal)).valid).toBe(true);
  });

  test('ends at once when the caller hangs up', async () => {
    silent = true;
    const gone = new AbortController();
    const begun = performance.now();
    const answer = run(gone.signal);
    gone.abort();
    await expect(answer).rejects.toThrow('aborted');
    await expect(run(gone.signal)).rejects.toThrow('aborted');
    expect(performance.now() - begun).toBeLessThan(1_000);
  });
});
