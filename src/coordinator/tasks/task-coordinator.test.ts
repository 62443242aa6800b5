import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { TaskWorld } from '../../../tests/support/task-world.ts';
import { newId } from '../../atoms/ids/ids.ts';
import { stringifyJson } from '../../atoms/json/json.ts';
import { fail } from '../../core/errors.ts';
import type { TaskRequest, WorkflowTask } from '../../models/task.ts';
import { TaskQuery } from '../../models/task.ts';
import { SqlDeliveryStore } from '../../molecules/records/delivery-records.ts';
import { TaskFeed } from '../../molecules/task-feed/task-feed.ts';
import { Planning } from './planning.ts';
import { TaskCoordinator } from './task-coordinator.ts';

const [ann, bob, root] = [{ key: 'ann', admin: false }, { key: 'bob', admin: false }, { key: 'root', admin: true }];
const forEver = new AbortController().signal;
let world: TaskWorld;
let tasks: TaskCoordinator;
let cancelled: string[];
let woken: number;
let someoneWorks: boolean;
let looked: string | undefined;
let dead: readonly string[] = [];

beforeEach(async () => {
  world = await TaskWorld.open();
  [cancelled, woken, someoneWorks] = [[], 0, true];
  const templates = { find: () => undefined, all: () => [] };
  tasks = new TaskCoordinator({
    ...world.parts,
    ...{ deliveries: new SqlDeliveryStore(world.db), feed: new TaskFeed(), newId, publicUrl: '', stringify: stringifyJson },
    planning: new Planning({ templates, config: { engines: new Map(), pipelines: new Map() }, engines: world.parts.engines, random: () => 0n, checkUrl: () => undefined }),
    webhooks: { check: (url) => void (url.startsWith('https://') || refuse(url)) },
    limits: { maxPending: 3, retentionDays: 1 },
    working: () => Promise.resolve(someoneWorks),
    gone: (workers) => Promise.resolve(workers.filter((worker) => dead.includes(worker))),
    worker: { wake: () => void (woken += 1), cancel: (id) => void cancelled.push(id), look: (id) => id === looked },
  });
});
afterEach(() => world[Symbol.asyncDispose]());

function refuse(url: string): never {
  throw fail('VALIDATION_ERROR', `webhook_url ${url}.`);
}

const order = (over: Partial<WorkflowTask> = {}): TaskRequest => ({ kind: 'workflow', request: { workflow: { '1': { class_type: 'SaveImage', inputs: {} } }, ...over } });
const create = async (caller = ann, over: Partial<WorkflowTask> = {}): Promise<string> => (await tasks.create(caller, { order: order(over) })).task.id;
const claimOf = async () => (await world.claim()).claim;
const endAs = async (status: 'completed' | 'failed', jobId?: string): Promise<void> => {
  const claim = await claimOf();
  if (jobId !== undefined) await world.store.change(claim, { jobId });
  await world.store.end(claim, { status, endedAt: 2_000, error: undefined, outputs: [], warnings: [] });
};

describe('handing a task over', () => {
  it('writes it down with what the caller said, and wakes the worker', async () => {
    const id = await create(ann, { priority: 5, deadline_seconds: 10, client_id: 'page', metadata: { a: 1 } });
    expect(await world.find(id)).toMatchObject({ owner: 'ann', admin: false, kind: 'workflow', engine: 'comfyui', priority: 5, deadlineAt: 11_000, clientId: 'page', metadata: { a: 1 }, status: 'pending' });
    expect(woken).toBe(1);
  });

  it('again with the same word and body gives the same task, and another body is refused', async () => {
    const first = await tasks.create(ann, { order: order(), idempotencyKey: 'k' });
    const again = await tasks.create(ann, { order: order(), idempotencyKey: 'k' });
    expect([again.task.id, again.again, first.again, woken]).toEqual([first.task.id, true, false, 1]);
    await expect(tasks.create(ann, { order: order({ priority: 1 }), idempotencyKey: 'k' })).rejects.toMatchObject({ code: 'VALIDATION_ERROR' });
    expect((await tasks.create(bob, { order: order(), idempotencyKey: 'k' })).again).toBe(false);
    world.clock.at += 24 * 3_600_000 + 1;
    expect((await tasks.create(ann, { order: order(), idempotencyKey: 'k' })).again).toBe(false);
  });

  it('again gives the same task also where it could not be accepted any more', async () => {
    const first = await tasks.create(ann, { order: order(), idempotencyKey: 'k' });
    const { engines } = world.parts;
    if (engines instanceof Map) engines.delete('comfyui');
    await expect(create()).rejects.toMatchObject({ code: 'ENGINE_NOT_REGISTERED' });
    expect(await tasks.create(ann, { order: order(), idempotencyKey: 'k' })).toMatchObject({ again: true, task: { id: first.task.id } });
  });

  it('is refused while too many wait, with when to come again', async () => {
    for (let n = 0; n < 3; n += 1) await create();
    await expect(create()).rejects.toMatchObject({ code: 'QUEUE_FULL', retryAfter: 5 });
  });

  it('is refused for a webhook that nobody could be told by', async () => {
    await expect(create(ann, { webhook_url: 'http://inside' })).rejects.toMatchObject({ code: 'VALIDATION_ERROR' });
    await expect(create(ann, { webhook_events: ['completed'] })).rejects.toMatchObject({ detail: 'webhook_events without a webhook_url.' });
    const id = await create(ann, { webhook_url: 'https://hook.example' });
    expect((await world.store.details(id))?.webhook).toEqual({ url: 'https://hook.example', events: ['completed', 'failed', 'cancelled'] });
  });
});

describe('a task of another key', () => {
  it('does not exist, whatever is asked of it; an admin has all', async () => {
    const id = await create();
    const deeds = [tasks.find(bob, id), tasks.view(bob, id), tasks.outputs(bob, id), tasks.settled(bob, id, forEver), tasks.watch(bob, id, { since: 0, signal: forEver }), tasks.cancel(bob, id, forEver), tasks.retry(bob, id), tasks.remove(bob, id), tasks.deliveries(bob, id), tasks.redeliver(bob, id, 1)];
    for (const deed of deeds) await expect(deed).rejects.toMatchObject({ code: 'TASK_NOT_FOUND', detail: `task "${id}".` });
    await expect(tasks.find(bob, 'nobody')).rejects.toMatchObject({ code: 'TASK_NOT_FOUND' });
    expect((await tasks.view(root, id)).task_id).toBe(id);
    const listed = async (caller: typeof ann) => (await tasks.list(caller, TaskQuery.parse({}))).tasks.length;
    expect(await Promise.all([ann, bob, root].map(listed))).toEqual([1, 0, 1]);
    expect((await Promise.all([ann, bob, root].map((caller) => tasks.stats(caller)))).map(({ counts }) => counts.pending)).toEqual([1, 0, 1]);
  });
});

describe('looking at tasks', () => {
  it('goes page by page, each task once', async () => {
    const ids = [await create(), await create(), await create()];
    const first = await tasks.list(ann, TaskQuery.parse({ limit: 2 }));
    const second = await tasks.list(ann, TaskQuery.parse({ limit: 2, cursor: first.next_cursor }));
    expect([...first.tasks, ...second.tasks].map((task) => task.task_id)).toEqual(ids.toReversed());
    expect([first.next_cursor, second.next_cursor]).toEqual([ids[1], null]);
  });

  it('tells the place of one that waits', async () => {
    const [first, second] = [await create(), await create()];
    expect([(await tasks.view(ann, first)).position, (await tasks.view(ann, second)).position]).toEqual([0, 1]);
    await claimOf();
    expect(await tasks.view(ann, first)).not.toHaveProperty('position');
  });

  it('tells of one that waits that nobody works, or that its engine takes nothing', async () => {
    const id = await create();
    expect(await tasks.view(ann, id)).not.toHaveProperty('waiting_for');
    world.engine.room = 0;
    world.engine.health = () => Promise.resolve({ healthy: false, reason: 'nobody is there' });
    expect((await tasks.view(ann, id)).waiting_for).toBe('nobody is there');
    [world.engine.room, someoneWorks] = [1, false];
    expect((await tasks.view(ann, id)).waiting_for).toContain('npm start worker');
  });

  it('waits for the end, or as long as the caller wants', async () => {
    const id = await create();
    expect((await tasks.settled(ann, id, AbortSignal.timeout(5))).status).toBe('pending');
    await endAs('completed');
    expect((await tasks.settled(ann, id, forEver)).status).toBe('completed');
  });
});

describe('a task in work whose engine is not here', () => {
  it('says so once its process is gone, too', async () => {
    const { id } = await world.accept({ engine: 'elsewhere' });
    await world.store.claim('elsewhere', { worker: 'w9', now: world.clock.at });
    expect((await tasks.view(root, id)).waiting_for).toBeUndefined();
    dead = ['w9'];
    expect((await tasks.view(root, id)).waiting_for).toMatch(/"elsewhere" is not configured here.*whose job is not stopped then/);
  });
});

describe('hearing that something became of a task', () => {
  it('has this process look at once, or whichever has the task in work', async () => {
    const [here, elsewhere] = [await create(), await create()];
    const { worker } = await claimOf();
    await claimOf();
    looked = here;
    await tasks.look(here);
    await tasks.look(elsewhere);
    expect(await world.store.lookRequested(worker)).toEqual([elsewhere]);
  });
});

describe('changing a task', () => {
  it('cancels one that waits at once, and asks the worker to stop one that runs', async () => {
    const [waits, runs] = [await create(ann, { priority: -1 }), await create()];
    await claimOf();
    expect((await tasks.cancel(ann, waits, forEver)).status).toBe('cancelled');
    expect(await tasks.cancel(ann, runs, AbortSignal.timeout(5))).toMatchObject({ status: 'processing', cancel_requested_at: 1_000 });
    expect(cancelled).toEqual([runs]);
    await expect(tasks.cancel(ann, waits, forEver)).rejects.toMatchObject({ code: 'CONFLICT', detail: `task ${waits} is cancelled already.` });
  });

  it('tries one again that failed, and no other', async () => {
    const id = await create();
    await expect(tasks.retry(ann, id)).rejects.toMatchObject({ code: 'CONFLICT' });
    await endAs('failed');
    expect(await tasks.retry(ann, id)).toMatchObject({ id, status: 'pending' });
    await endAs('completed');
    await expect(tasks.retry(ann, id)).rejects.toMatchObject({ code: 'CONFLICT' });
  });

  it('removes one that has ended with the files of all its jobs, and no other', async () => {
    const id = await create();
    await expect(tasks.remove(ann, id)).rejects.toMatchObject({ code: 'CONFLICT', detail: `task ${id} is pending; cancel it first.` });
    await endAs('failed', 'j1');
    await tasks.retry(ann, id);
    await endAs('completed', 'j2');
    await tasks.remove(ann, id);
    expect(world.storage.removed).toEqual(['j1', 'j2', id]);
    await expect(tasks.find(ann, id)).rejects.toMatchObject({ code: 'TASK_NOT_FOUND' });
  });

  it('delivers a webhook again', async () => {
    const id = await create(ann, { webhook_url: 'https://hook.example', webhook_events: ['queued'] });
    expect(await tasks.redeliver(ann, id, 1)).toMatchObject({ n: 1, status: 'pending', next_attempt_at: 1_000 });
    await expect(tasks.redeliver(ann, id, 2)).rejects.toMatchObject({ code: 'NOT_FOUND' });
  });
});
