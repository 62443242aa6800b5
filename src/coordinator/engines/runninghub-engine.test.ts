import { Readable } from 'node:stream';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { memoryLog } from '../../../tests/support/http-app.ts';
import { startTestHub, type TestHub } from '../../../tests/support/runninghub-engine.ts';
import { until } from '../../../tests/support/until.ts';
import { SANDBOX_KEYS } from '../../../sandbox/runninghub/server.ts';
import { HttpStream } from '../../atoms/http-stream/http-stream.ts';
import { HttpText } from '../../atoms/http/http.ts';
import { parseAllowedHosts } from '../../atoms/public-http/allowed-hosts.ts';
import { PublicHttp } from '../../atoms/public-http/public-http.ts';
import { sleep } from '../../atoms/time/time.ts';
import { failedWith } from '../../core/errors.ts';
import type { EngineEvent, EngineFile, EngineJob } from '../../models/engine.ts';
import { RunningHub } from '../../molecules/runninghub/client.ts';
import { HubResults } from '../../molecules/runninghub/results.ts';
import { RunninghubEngine } from './runninghub-engine.ts';
import type { RunninghubEngineOptions } from './runninghub-parts.ts';

const create = 'POST /task/openapi/create';
const query = 'POST /openapi/v2/query';
const signal = (): AbortSignal => AbortSignal.timeout(20_000);
const caller = { key: 'ann', admin: false };
let hub: TestHub;
let parts: { readonly http: HttpText; readonly stream: HttpStream };
let files: PublicHttp;
let clock: number;
let lines: ReturnType<typeof memoryLog>['lines'];

beforeEach(async () => {
  hub = await startTestHub({ knobs: { cancelledStatus: '', checkFiles: false } });
  parts = { http: new HttpText(), stream: new HttpStream() };
  clock = 1_000_000;
});
afterEach(async () => {
  parts.http.close();
  parts.stream.close();
  files.close();
  await hub[Symbol.asyncDispose]();
});

/** Its clock moves only while it sleeps. */
function engine(over: Partial<RunninghubEngineOptions> = {}, apiKey: string = SANDBOX_KEYS.shared, hosts = ['127.0.0.1']): RunninghubEngine {
  const memory = memoryLog();
  ({ lines } = memory);
  const { list } = parseAllowedHosts(hosts);
  if (!list) throw new TypeError('no list');
  files = new PublicHttp({ allowed: list });
  const api = new RunningHub(parts, { baseUrl: hub.hub.url, apiKey, keyPlace: 'both', timeoutMs: 5_000 });
  const slept = async (ms: number, until: AbortSignal): Promise<void> => {
    await sleep(5, until);
    clock += ms;
  };
  return new RunninghubEngine(
    { api, files: new HubResults(files), log: memory.log, publicUrl: '', now: () => clock, random: () => 0.5, sleep: slept },
    { name: 'hub', host: 'hub', target: { kind: 'workflow', id: '1996080571212349442' }, timeoutMs: 60_000, pollMs: 50, concurrency: undefined, instanceType: undefined, places: [], outputs: undefined, notes: [], settings: { key: 'api_key', address: 'api_base_url', keyPlace: 'key_place: header' }, keyPlace: 'both', dialect: 'v1', progressSocket: false, accessPassword: undefined, hookOf: undefined, ...over },
  );
}

function job(values: EngineJob['values'] = [], leaving: () => Promise<void> = () => Promise.resolve()): EngineJob {
  return { id: 'ours', taskId: 'task', caller, clientId: 'page', workflow: {}, extraData: undefined, avoid: [], values, leaving };
}

async function endingOf(of: RunninghubEngine, id: string, since?: number): Promise<EngineEvent | undefined> {
  let last: EngineEvent | undefined;
  for await (const event of of.watch({ id, caller, taskId: 'task', since }, signal())) last = event;
  return last;
}

const refusal = async (code: number, key?: string): Promise<unknown> => {
  hub.hub.knobs.set({ next: { [create]: [{ code }] } });
  return engine({}, key).submit(job(), signal()).then(() => undefined, (error: unknown) => error);
};

describe('a submit', () => {
  it.each([
    [301, 'VALIDATION_ERROR'], [380, 'ENGINE_WORKFLOW_NOT_FOUND'], [412, 'UPSTREAM_ERROR'], [416, 'UPSTREAM_ERROR'], [433, 'WORKFLOW_VALIDATION_ERROR'], [435, 'VALIDATION_ERROR'], [436, 'ENGINE_UNAUTHORIZED'], [801, 'ENGINE_UNAUTHORIZED'],
    [802, 'ENGINE_UNAUTHORIZED'], [803, 'VALIDATION_ERROR'], [806, 'ENGINE_UNAUTHORIZED'], [810, 'ENGINE_WORKFLOW_NOT_FOUND'], [811, 'ENGINE_UNAUTHORIZED'], [812, 'UPSTREAM_ERROR'], [901, 'ENGINE_WORKFLOW_NOT_FOUND'],
    [1002, 'ENGINE_UNAUTHORIZED'], [1007, 'VALIDATION_ERROR'], [1014, 'ENGINE_UNAUTHORIZED'], [1101, 'VALIDATION_ERROR'], [1501, 'VALIDATION_ERROR'], [1505, 'VALIDATION_ERROR'], [1601, 'ENGINE_UNAUTHORIZED'],
  ] as const)('that is refused with %i fails as %s, for good', async (code, expected) => {
    expect(await refusal(code)).toMatchObject({ code: expected, waits: false, retryable: false });
    expect(hub.created()).toBe(0);
  });

  it.each([[421, 'QUEUE_FULL'], [415, 'QUEUE_FULL'], [1520, 'QUEUE_FULL'], [814, 'QUEUE_FULL'], [1003, 'RATE_LIMITED']] as const)('that is refused with %i waits, and counts as no attempt', async (code, expected) => {
    const error = await refusal(code);
    expect(error).toMatchObject({ code: expected, waits: true, retryable: true });
    expect(failedWith(error) && (error.retryAfter ?? 0) > 0).toBe(true);
  });

  it.each([500, 1000, 1005, 1010, 1011, 999_999])('that is answered with %i may have been begun: it is not made again', async (code) => {
    expect(await refusal(code)).toMatchObject({ code: 'ENGINE_OUTCOME_UNKNOWN', waits: false, retryable: false });
  });

  it.each(['cut', 'html', 'half', 'empty'] as const)('whose answer is lost (%s) may have been begun', async (fault) => {
    hub.hub.knobs.set({ next: { [create]: [{ fault, after: true }] } });
    await expect(engine().submit(job(), signal())).rejects.toMatchObject({ code: 'ENGINE_OUTCOME_UNKNOWN' });
    expect(hub.created()).toBe(1);
  });

  it('is told of before it goes, and does not go where that fails', async () => {
    await expect(engine().submit(job([], () => Promise.reject(new TypeError('not now'))), signal())).rejects.toThrow('not now');
    expect(hub.hub.counters.snapshot.requests[create] ?? 0).toBe(0);
  });

  it('goes to its end although the caller gives up meanwhile', async () => {
    const leaving = new AbortController();
    const { job: handed } = await engine().submit(job([], async () => leaving.abort()), leaving.signal);
    expect(handed.id).toMatch(/^\d+$/);
    expect(hub.created()).toBe(1);
  });

  it('says nothing of the key, in errors and in the log', async () => {
    const key = '0123456789abcdef0123456789abcdef';
    const error = await refusal(802, key);
    expect(JSON.stringify([error, String(error), lines])).not.toContain(key);
  });
});

describe('files', () => {
  const file = (sha256: string): EngineFile => ({ name: 'a.png', mediaType: 'image/png', size: 5, sha256, open: () => Readable.from([Buffer.from('bytes')]) });
  const values = (...hashes: string[]): EngineJob['values'] => hashes.map((hash) => ({ name: 'image', targets: [{ node: '12', input: 'image' }], value: { file: file(hash) } }));
  const uploads = (): number => hub.hub.counters.snapshot.requests['POST /task/openapi/upload'] ?? 0;

  it('are sent once per content, for twenty hours, and again where the account did not take them', async () => {
    const one = engine();
    await one.submit(job(values('a', 'a', 'b')), signal());
    await one.submit(job(values('b', 'a')), signal());
    expect(uploads()).toBe(2);
    clock += 20 * 3_600_000;
    await one.submit(job(values('a')), signal());
    expect(uploads()).toBe(3);
    hub.hub.knobs.set({ next: { [create]: [{ code: 803 }] } });
    await expect(one.submit(job(values('a')), signal())).rejects.toMatchObject({ code: 'VALIDATION_ERROR' });
    await one.submit(job(values('a')), signal());
    expect(uploads()).toBe(4);
  });
});

describe('the room of an account', () => {
  it('stays as it is when somebody gives up while a file goes there', async () => {
    hub.hub.knobs.set({ slow: { 'POST /task/openapi/upload': 10_000 } });
    const one = engine();
    await one.health();
    const leaving = new AbortController();
    const file: EngineFile = { name: 'a.png', mediaType: 'image/png', size: 5, sha256: 'z', open: () => Readable.from([Buffer.from('bytes')]) };
    const submitting = one.submit(job([{ name: 'image', targets: [], value: { file } }]), leaving.signal);
    await until('the upload is there', () => (hub.hub.counters.snapshot.requests['POST /task/openapi/upload'] ?? 0) > 0);
    leaving.abort();
    await expect(submitting).rejects.toBe(leaving.signal.reason);
    expect(one.capacity()).toBe(50);
  });

  it('opens again when a job ends, unless it was closed for too many calls', async () => {
    const one = engine();
    await one.health();
    for (const [code, open] of [[421, true], [1003, false]] as const) {
      const { job: handed } = await one.submit(job(), signal());
      hub.hub.knobs.set({ next: { [create]: [{ code }] } });
      await expect(one.submit(job(), signal())).rejects.toMatchObject({ waits: true });
      expect(one.capacity()).toBe(0);
      await endingOf(one, handed.id);
      expect(one.capacity() > 0).toBe(open);
    }
  });

  it('is what it says, up to the configured number, and none for a while after a refusal', async () => {
    hub.hub.knobs.set({ limits: { shared: 3 } });
    const one = engine({ concurrency: 2 });
    expect(one.capacity()).toBe(0);
    expect(await one.health()).toEqual({ healthy: true });
    expect(one.capacity()).toBe(2);
    hub.hub.knobs.set({ next: { [create]: [{ code: 421, times: 2 }] } });
    const pauses: number[] = [];
    for (let n = 0; n < 2; n += 1) {
      await expect(one.submit(job(), signal())).rejects.toMatchObject({ waits: true, retryAfter: 0.5 });
      const from = clock;
      while (one.capacity() === 0) clock += 100;
      pauses.push(clock - from);
    }
    expect(pauses[0]).toBeGreaterThan(3_000);
    expect(pauses[1]).toBeGreaterThan(1.5 * (pauses[0] ?? 0));
    await one.submit(job(), signal());
    expect(one.capacity()).toBe(2);
  });

  it('is none where the key is refused, with the reason and what to do', async () => {
    const one = engine({}, '0123456789abcdef0123456789abcdef');
    expect(await one.health()).toMatchObject({ healthy: false, reason: expect.stringMatching(/key.*api_key.*doctor/s) as unknown });
    expect(one.capacity()).toBe(0);
  });
});

describe('watching', () => {
  it('goes on over looks that fail', async () => {
    const one = engine();
    const { job: handed } = await one.submit(job(), signal());
    hub.hub.knobs.set({ next: { [query]: [{ fault: 'cut' }, { code: 1011 }, { fault: 'html' }, { code: 1003 }] } });
    expect(await endingOf(one, handed.id)).toMatchObject({ kind: 'completed', usage: { seconds: expect.any(Number) as unknown } });
  });

  it('ends with the limit in its words when its time is over, and stops the task there', async () => {
    hub.hub.knobs.set({ hold: 'RUNNING' });
    const one = engine({ timeoutMs: 2_000 });
    const { job: handed } = await one.submit(job(), signal());
    expect(await endingOf(one, handed.id)).toMatchObject({ kind: 'failed', again: false, error: { code: 'TASK_TIMEOUT', reason: expect.stringMatching(/2 s.*may still run/s) as unknown } });
    expect(hub.hub.counters.snapshot.requests['POST /task/openapi/cancel']).toBe(1);
  });

  it.each(['cut', 'html'] as const)('is not given up at the end of its time while RunningHub cannot say what became of it (%s)', async (fault) => {
    hub.hub.knobs.set({ hold: 'RUNNING' });
    const one = engine({ timeoutMs: 2_000 });
    const { job: handed } = await one.submit(job(), signal());
    clock += 3_000;
    hub.hub.deeds.move(handed.id, 'SUCCESS');
    hub.hub.knobs.set({ next: { [query]: [{ fault, times: 3 }], 'POST /task/openapi/cancel': [{ fault }] } });
    expect(await endingOf(one, handed.id, clock - 3_000)).toMatchObject({ kind: 'completed' });
  });

  it('of which RunningHub knows nothing when it is to be stopped has its end found out all the same', async () => {
    hub.hub.knobs.set({ hold: 'RUNNING' });
    const one = engine({ timeoutMs: 2_000 });
    const { job: handed } = await one.submit(job(), signal());
    clock += 3_000;
    hub.hub.deeds.move(handed.id, 'SUCCESS');
    hub.hub.knobs.set({ next: { [query]: [{ fault: 'cut' }], 'POST /task/openapi/cancel': [{ code: 807 }] } });
    expect(await endingOf(one, handed.id, clock - 3_000)).toMatchObject({ kind: 'completed' });
  });

  it('that goes on, and cannot be stopped, is given up after a few orders', async () => {
    hub.hub.knobs.set({ hold: 'RUNNING', next: { 'POST /task/openapi/cancel': [{ code: 1005, times: 10 }] } });
    const one = engine({ timeoutMs: 2_000 });
    const { job: handed } = await one.submit(job(), signal());
    expect(await endingOf(one, handed.id)).toMatchObject({ error: { code: 'TASK_TIMEOUT', reason: expect.stringMatching(/could not be told to stop it/) as unknown } });
    expect(hub.hub.counters.snapshot.requests['POST /task/openapi/cancel']).toBe(3);
  });

  it('gives up an hour after the end of its time', async () => {
    hub.hub.knobs.set({ hold: 'RUNNING' });
    const one = engine({ timeoutMs: 2_000, pollMs: 5_000 });
    const { job: handed } = await one.submit(job(), signal());
    hub.hub.knobs.set({ next: { [query]: [{ fault: 'cut', times: 1_000 }], 'POST /task/openapi/cancel': [{ fault: 'cut', times: 1_000 }] } });
    const before = clock;
    expect(await endingOf(one, handed.id)).toMatchObject({ kind: 'failed', error: { code: 'TASK_TIMEOUT', reason: expect.stringMatching(/could not be told to stop it/) as unknown } });
    expect(clock - before).toBeGreaterThan(3_600_000);
  });

  it('counts the time from when it was handed over, also after a restart', async () => {
    hub.hub.knobs.set({ hold: 'RUNNING' });
    const { job: handed } = await engine().submit(job(), signal());
    const before = clock;
    expect(await endingOf(engine({ timeoutMs: 2_000 }), handed.id, clock - 3_000)).toMatchObject({ error: { code: 'TASK_TIMEOUT' } });
    expect(clock - before).toBeLessThan(1_000);
  });

  it('knows a task that was stopped there although no state says so', async () => {
    hub.hub.knobs.set({ hold: 'RUNNING' });
    const one = engine();
    const { job: handed } = await one.submit(job(), signal());
    await one.cancel(handed);
    expect(await endingOf(one, handed.id)).toMatchObject({ kind: 'stopped', byUs: true });
  });

  it('of one that ended before it was told to stop tells that ending', async () => {
    const one = engine();
    const { job: handed } = await one.submit(job(), signal());
    hub.hub.deeds.move(handed.id, 'SUCCESS');
    await one.cancel(handed);
    expect(await endingOf(one, handed.id)).toMatchObject({ kind: 'completed' });
  });
});

describe('a job that names what it runs', () => {
  it('gets nothing of the workflow of the engine: no password, and no other machine', async () => {
    const one = engine({ accessPassword: 'sandbox', instanceType: 'giga' });
    const password = { kind: 'workflow', id: '1904136902449209353' } as const;
    await expect(one.submit({ ...job(), target: password }, signal())).rejects.toMatchObject({ code: 'VALIDATION_ERROR', detail: expect.stringContaining('accessPassword') as unknown });
    expect(await one.submit({ ...job(), target: { ...password, accessPassword: 'sandbox' } }, signal())).toMatchObject({ job: { target: password } });
  });

  it('has its password taken out of what RunningHub says', async () => {
    hub.hub.knobs.set({ next: { [create]: [{ code: 301, msg: 'accessPassword open-sesame is wrong' }] } });
    const error: unknown = await engine({ accessPassword: 'open-sesame' }).submit(job(), signal()).catch((thrown: unknown) => thrown);
    expect(error).toMatchObject({ code: 'VALIDATION_ERROR', detail: expect.stringContaining('[redacted]') as unknown });
    expect(JSON.stringify([error, lines])).not.toContain('open-sesame');
  });
});

describe('a job whose id there is no number', () => {
  it('is never taken for one of ours, and never for a path', async () => {
    hub.hub.knobs.set({ next: { [create]: [{ body: JSON.stringify({ code: 0, data: { taskId: 'task_7' } }) }] } });
    const { job: handed } = await engine().submit(job(), signal());
    expect(handed.id).toBe('hub_task_7');
    expect(await engine().knows(handed)).toBe(true);
    hub.hub.knobs.set({ next: { [create]: [{ body: JSON.stringify({ code: 0, data: { taskId: '../../abc' } }) }] } });
    await expect(engine().submit(job(), signal())).rejects.toMatchObject({ code: 'ENGINE_OUTCOME_UNKNOWN' });
  });
});

describe('outputs', () => {
  async function outputs(one: RunninghubEngine): Promise<Awaited<ReturnType<typeof collected>>> {
    const { job: handed } = await one.submit(job(), signal());
    await endingOf(one, handed.id);
    return collected(one, handed.id);
  }
  const collected = (one: RunninghubEngine, id: string) => Array.fromAsync(one.outputs({ id, caller, taskId: 'task' }, signal()));

  it('have names of their own, and lie in the folder of the task', async () => {
    hub.hub.knobs.set({ outcome: 'several' });
    const all = await outputs(engine());
    expect(all.length).toBeGreaterThan(1);
    expect(new Set(all.map(({ file }) => file.filename)).size).toBe(all.length);
    expect(all[0]).toMatchObject({ folder: 'task', file: { url: expect.stringContaining('prompt_id=task') as unknown } });
  });

  it('are asked for again where that fails', async () => {
    const one = engine();
    const { job: handed } = await one.submit(job(), signal());
    await endingOf(one, handed.id);
    hub.hub.knobs.set({ next: { [query]: [{ fault: 'cut' }, { code: 1011 }] } });
    expect(await collected(one, handed.id)).toHaveLength(1);
  });

  it('that are texts come along', async () => {
    hub.hub.knobs.set({ outcome: 'text' });
    expect(await outputs(engine())).toMatchObject([{ file: { kind: 'text', text: expect.any(String) as unknown } }]);
  });

  it('that are gone, or lie elsewhere than allowed, are not fetched', async () => {
    const [gone] = await outputs(engine());
    hub.hub.deeds.expireResults();
    await expect(gone?.open(signal())).rejects.toMatchObject({ code: 'IMAGE_NOT_FOUND' });
    const [elsewhere] = await outputs(engine({}, SANDBOX_KEYS.shared, ['*.xiaoyaoyou.com']));
    await expect(elsewhere?.open(signal())).rejects.toMatchObject({ code: 'FILE_OPERATION_ERROR', detail: expect.stringContaining('download_hosts') as unknown });
  });
});
