import { Readable } from 'node:stream';
import { buffer } from 'node:stream/consumers';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { TaskWorld } from '../../../tests/support/task-world.ts';
import { fail } from '../../core/errors.ts';
import type { EngineEvent, EngineJob } from '../../models/engine.ts';
import type { UpstreamFile } from '../../models/comfyui-files.ts';
import type { PromptEnding } from '../../models/records.ts';
import { instanceOf } from '../../molecules/instance-pool/address.ts';
import { InstancePool } from '../../molecules/instance-pool/pool.ts';
import { PromptTracker } from '../../molecules/prompt-tracker/tracker.ts';
import { SqlPromptRecords } from '../../molecules/records/prompt-records.ts';
import { ComfyuiEngine } from './comfyui-engine.ts';
import type { ComfyuiEngineOptions, ComfyuiEngineParts, Prompts } from './parts.ts';

const ann = { key: 'ann', admin: false };
const forEver = new AbortController().signal;
const file = { filename: 'a.png', subfolder: '', type: 'output', url: '/a.png', node_id: '9', kind: 'image' as const };
const job = { id: 'p', caller: ann };
let world: TaskWorld;
let pool: InstancePool;
let tracker: PromptTracker;
let records: SqlPromptRecords;
let asked: unknown[];

beforeEach(async () => {
  world = await TaskWorld.open();
  [pool, tracker, records, asked] = [new InstancePool(['http://a:1', 'http://b:2'].map(instanceOf)), new PromptTracker(), new SqlPromptRecords(world.db, world.clock.now), []];
});
afterEach(() => world[Symbol.asyncDispose]());

const missing = (): never => {
  throw new TypeError('nobody was to be asked for this');
};

function engine({ prompts = {}, options = {}, parts = {} }: { prompts?: Partial<Prompts>; options?: Partial<ComfyuiEngineOptions>; parts?: Partial<ComfyuiEngineParts> } = {}): ComfyuiEngine {
  return new ComfyuiEngine(
    { prompts: { submit: missing, images: missing, interrupt: missing, ...prompts }, records, tracker, pool, files: { view: missing }, publicUrl: '', sleep: world.clock.sleep, ...parts },
    { name: 'comfyui', instances: undefined, concurrency: undefined, perInstance: 2, ...options },
  );
}

const connect = (...names: string[]): void => names.forEach((name) => pool.connected(name, { at: 1, sandbox: false, version: '0.3.64' }));
const begin = (): Promise<unknown> => records.insert({ promptId: 'p', key: 'ann', clientId: 'page', instance: 'a:1', createdAt: 1, process: 'w1' });
const end = (over: Partial<PromptEnding> = {}): Promise<unknown> => records.finish('p', { state: 'completed', startedAt: 2, endedAt: 3, detail: '{}', history: undefined, outputs: [], ...over });
const newJob: EngineJob = { id: 'p', taskId: 't', caller: ann, clientId: 'page', workflow: { '1': {} }, extraData: { a: 1 }, avoid: ['b:2'] };

async function story(): Promise<EngineEvent[]> {
  const events: EngineEvent[] = [];
  for await (const event of engine().watch(job, forEver)) events.push(event);
  return events;
}

describe('what the engine can take', () => {
  it('is a few jobs for each instance that is there', () => {
    expect(engine().capacity()).toBe(0);
    connect('a:1');
    expect(engine().capacity()).toBe(2);
    connect('b:2');
    expect([engine().capacity(), engine({ options: { instances: ['b:2'] } }).capacity(), engine({ options: { instances: ['c:3'] } }).capacity()]).toEqual([4, 2, 0]);
    expect([engine({ options: { concurrency: 3 } }).capacity(), engine({ options: { concurrency: 9 } }).capacity()]).toEqual([3, 4]);
  });

  it('is nothing while no instance is connected, and it says what to do', async () => {
    pool.disconnected('a:1', 'refused');
    expect(await engine().health()).toMatchObject({ healthy: false, reason: expect.stringContaining('a:1: refused') as unknown });
    connect('b:2');
    expect(await engine().health()).toEqual({ healthy: true, instances: [{ instance: 'a:1', healthy: false, sandbox: false }, { instance: 'b:2', healthy: true, sandbox: false }] });
  });
});

describe('handing a job over', () => {
  it('submits it as a prompt under its id, with where it may go', async () => {
    const submit: Prompts['submit'] = (caller, request) => Promise.resolve(asked.push(caller, request)).then(() => ({ prompt_id: 'p', number: 1, client_id: 'page', node_errors: {}, instance: 'a:1', warnings: ['mind'] }));
    expect(await engine({ prompts: { submit }, options: { instances: ['a:1'] } }).submit(newJob, forEver)).toEqual({ job, instance: 'a:1', warnings: ['mind'] });
    expect(asked).toEqual([ann, { workflow: { '1': {} }, prompt_id: 'p', client_id: 'page', extra_data: { a: 1 }, taskId: 't', avoid: ['b:2'], only: ['a:1'], halt: forEver }]);
  });

  it('counts as done where nobody knows whether the instance has it', async () => {
    const submit = (promptId?: string) => () => Promise.reject(fail('CONNECTION_ERROR', 'no answer.', promptId === undefined ? {} : { promptId }));
    expect(await engine({ prompts: { submit: submit('p') } }).submit(newJob, forEver)).toEqual({ job, instance: undefined, warnings: [] });
    for (const other of ['q', undefined]) await expect(engine({ prompts: { submit: submit(other) } }).submit(newJob, forEver)).rejects.toMatchObject({ code: 'CONNECTION_ERROR' });
  });

  it('is known to have begun once it is recorded', async () => {
    expect(await engine().knows(job)).toBe(false);
    await begin();
    expect(await engine().knows(job)).toBe(true);
  });
});

describe('the story of a job', () => {
  it('is what this process sees of it, each thing once, and ends as its record says', async () => {
    await begin();
    tracker.add({ promptId: 'p', key: 'ann', clientId: 'page', instance: 'a:1', createdAt: 1, classes: new Map([['9', 'SaveImage']]) });
    tracker.apply({ kind: 'prompt', type: 'execution_start', promptId: 'p', data: {} }, 2);
    tracker.apply({ kind: 'prompt', type: 'executed', promptId: 'p', data: { node: '9', output: { images: [{ filename: 'a.png', subfolder: '', type: 'output' }] } } }, 3);
    const events: EngineEvent[] = [];
    for await (const event of engine().watch(job, forEver)) {
      events.push(event);
      if (event.kind !== 'output') continue;
      await end();
      tracker.ended('p', 'completed', 4);
    }
    expect(events.map(({ kind }) => kind)).toEqual(['running', 'progress', 'output', 'completed']);
    expect(events[2]).toMatchObject({ files: [{ filename: 'a.png', node_id: '9' }] });
    expect(events[3]).toEqual({ kind: 'completed', instance: 'a:1', startedAt: 2, endedAt: 3 });
  });

  it('is asked of the record where another process follows it', async () => {
    await begin();
    world.clock.onSleep = async () => void (world.clock.sleeps.length === 3 && (await end()));
    expect((await story()).map(({ kind }) => kind)).toEqual(['completed']);
    expect(world.clock.sleeps).toEqual([250, 250, 250]);
  });

  it('waits while the record cannot be read', async () => {
    await begin();
    await end();
    let failures = 2;
    const broken = { find: (id: string) => ((failures -= 1) >= 0 ? Promise.reject(fail('INTERNAL_ERROR', 'locked.')) : records.find(id)) };
    const events: EngineEvent[] = [];
    for await (const event of engine({ parts: { records: broken } }).watch(job, forEver)) events.push(event);
    expect(events.map(({ kind }) => kind)).toEqual(['completed']);
  });

  it('of which nobody knows is lost, and the job may be made again', async () => {
    expect(await story()).toMatchObject([{ kind: 'failed', again: true, error: { code: 'PROMPT_LOST' } }]);
  });

  it.each([
    [{ state: 'failed' as const, detail: '{"error":{"code":"PROMPT_LOST","reason":"gone"}}' }, { kind: 'failed', again: true, error: { code: 'PROMPT_LOST', reason: 'gone' } }],
    [{ state: 'failed' as const, detail: '{"error":{"code":"WORKFLOW_EXECUTION_ERROR","reason":"raised"}}' }, { kind: 'failed', again: false, error: { reason: 'raised' } }],
    [{ state: 'failed' as const, detail: '{"error":{"code":"STRANGE"}}' }, { kind: 'failed', again: false, error: { code: 'WORKFLOW_EXECUTION_ERROR' } }],
    [{ state: 'interrupted' as const, detail: '{"reason":"by hand"}' }, { kind: 'stopped', byUs: false, reason: 'by hand' }],
  ])('ends as %j says', async (ending, expected) => {
    await begin();
    await end(ending);
    expect(await story()).toMatchObject([expected]);
  });

  it('that was stopped through us says so', async () => {
    await begin();
    await records.requestStop(['p']);
    await end({ state: 'interrupted' });
    expect(await story()).toMatchObject([{ kind: 'stopped', byUs: true, reason: 'It was interrupted.' }]);
  });

  it('is left when the signal fires', async () => {
    await begin();
    const leave = new AbortController();
    world.clock.onSleep = () => leave.abort();
    await expect(engine().watch(job, leave.signal)[Symbol.asyncIterator]().next()).rejects.toMatchObject({ name: 'AbortError' });
  });
});

describe('the outputs of a job', () => {
  const headers = { contentType: 'image/png', contentLength: 5, contentRange: undefined, etag: undefined, lastModified: undefined };
  const answer = (status: UpstreamFile['status']): UpstreamFile => ({ status, headers, body: Readable.from(['bytes']) });
  const open = async (status: UpstreamFile['status']): Promise<string> => {
    const parts = { files: { view: () => Promise.resolve(answer(status)) } };
    for await (const output of engine({ prompts: { images: () => Promise.resolve([file]) }, parts }).outputs(job, forEver)) return (await buffer((await output.open(forEver)).body)).toString();
    throw new TypeError('there is no output');
  };

  it('are opened from the instance that made them', async () => {
    await begin();
    expect(await open(200)).toBe('bytes');
  });

  it('are gone where the instance says so, or is not configured any more', async () => {
    await begin();
    await expect(open(404)).rejects.toMatchObject({ code: 'IMAGE_NOT_FOUND', detail: 'instance a:1 does not have "a.png" any more.' });
    await expect(open(416)).rejects.toMatchObject({ code: 'UPSTREAM_ERROR' });
    pool = new InstancePool();
    await expect(open(200)).rejects.toMatchObject({ code: 'IMAGE_NOT_FOUND', detail: '"a.png" is on instance a:1, which is not configured any more.' });
  });
});

it('stopping a job that is over or unknown is no failure', async () => {
  const interrupt = (error: Error) => ({ interrupt: () => Promise.reject(error) });
  await engine({ prompts: interrupt(fail('NOT_FOUND', 'prompt "p".')) }).cancel(job);
  await expect(engine({ prompts: interrupt(fail('CONNECTION_ERROR', 'no answer.')) }).cancel(job)).rejects.toMatchObject({ code: 'CONNECTION_ERROR' });
});
