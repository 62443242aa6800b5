/** Stopping tasks, trying them again, and forgetting them. */
import { access } from 'node:fs/promises';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { type Engine, startEngine } from '../support/engine.ts';
import { download } from '../support/files-client.ts';
import { startTestGateway, type TestGateway } from '../support/gateway.ts';
import { problem } from '../support/gateway-client.ts';
import { longWork, shortWork, solidColour } from '../support/graphs.ts';
import { aNumber, containing } from '../support/matchers.ts';
import { TasksClient } from '../support/tasks-client.ts';
import { temporaryFolder } from '../support/temporary-folder.ts';

let engine: Engine;
let folder: Awaited<ReturnType<typeof temporaryFolder>>;
let gateway: TestGateway;
let tasks: TasksClient;

beforeAll(async () => {
  [engine, folder] = await Promise.all([startEngine(), temporaryFolder()]);
  gateway = await startTestGateway({ instances: [engine.url], folder: folder.path, env: { TASKS_PER_INSTANCE: '1' } });
  tasks = new TasksClient(gateway);
});
afterAll(async () => {
  await gateway.close();
  await engine[Symbol.asyncDispose]();
  await folder[Symbol.asyncDispose]();
});

describe('cancelling', () => {
  test('a task that waits is done at once, and its engine never hears of it', async () => {
    const { task_id: busy } = await tasks.create({ workflow: longWork() });
    await tasks.reaches(busy, 'processing');
    const { task_id: id } = await tasks.create({ workflow: solidColour() });
    const [other] = [await tasks.create({ workflow: solidColour() })];
    expect(await tasks.view(other.task_id)).toMatchObject({ status: 'pending', position: 1 });
    expect(await tasks.cancel(id)).toMatchObject({ status: 'cancelled', attempt: 0, attempts: [], finished_at: aNumber });
    expect(await tasks.view(other.task_id)).toMatchObject({ status: 'pending', position: 0 });
    await tasks.cancel(busy);
    expect((await tasks.ended(other.task_id)).status).toBe('completed');
  });

  test('a task that runs tells its engine, and answers what really became of it', async () => {
    const { task_id: id } = await tasks.create({ workflow: longWork() });
    using events = await tasks.events(id);
    await events.next('progress');
    expect(await tasks.cancel(id)).toMatchObject({ status: 'cancelled', cancel_requested_at: aNumber, attempts: [{ outcome: 'cancelled' }] });
    await events.rest();
    expect(events.names().filter((name) => name !== 'output')).toEqual(['queued', 'started', 'cancelling', 'cancelled']);
    expect(await gateway.queue()).toMatchObject({ queue_remaining: 0 });
    expect((await gateway.state(await tasks.job(id))).state).toBe('interrupted');
  });

  test('a task that has ended is a conflict', async () => {
    const { task_id: id } = await tasks.run({ workflow: solidColour() });
    expect(problem(await tasks.of(id, '/cancel', 'POST'))).toMatchObject({ status: 409, code: 'CONFLICT', detail: containing('completed') });
  });

  test('twice is once', async () => {
    const { task_id: id } = await tasks.create({ workflow: longWork() });
    await tasks.reaches(id, 'processing');
    const answers = await Promise.all([tasks.of(id, '/cancel', 'POST'), tasks.of(id, '/cancel', 'POST')]);
    expect(answers.map(({ status }) => status)).toEqual([200, 200]);
    using events = await tasks.events(id);
    await events.rest();
    expect(events.names().filter((name) => name.startsWith('cancel'))).toEqual(['cancelling', 'cancelled']);
  });
});

describe('trying again', () => {
  test('runs a cancelled task anew, with its attempts kept and its events counted on', async () => {
    const { task_id: id } = await tasks.create({ workflow: shortWork() });
    await tasks.reaches(id, 'processing');
    const { seq } = await tasks.cancel(id);
    expect(await tasks.retry(id)).toMatchObject({ task_id: id, status: 'pending' });
    using events = await tasks.events(id, { since: seq });
    await events.rest();
    expect(events.names().filter((name) => name !== 'output')).toEqual(['queued', 'started', 'completed']);
    expect(events.numbers()[0]).toBe(seq + 1);
    const view = await tasks.view(id);
    expect(view).toMatchObject({ status: 'completed', attempt: 2, attempts: [{ attempt: 1, outcome: 'cancelled' }, { attempt: 2, outcome: 'completed' }] });
    expect([view.error, view.cancel_requested_at]).toEqual([undefined, undefined]);
  });

  test('is for those that failed or were cancelled', async () => {
    const { task_id: id } = await tasks.run({ workflow: solidColour() });
    expect(problem(await tasks.of(id, '/retry', 'POST'))).toMatchObject({ status: 409, code: 'CONFLICT' });
    const failed = await tasks.run({ workflow: { '1': { class_type: 'NoSuchNode', inputs: {} } } });
    expect(failed).toMatchObject({ status: 'failed', attempt: 1, error: { code: 'WORKFLOW_VALIDATION_ERROR', reason: containing('NoSuchNode') } });
    await tasks.retry(failed.task_id);
    expect(await tasks.ended(failed.task_id)).toMatchObject({ status: 'failed', attempt: 2 });
  });
});

describe('forgetting', () => {
  test('a task that has ended takes its events and its copies along', async () => {
    const { task_id: id, outputs, attempts } = await tasks.run({ workflow: solidColour() });
    const [url, copies] = [outputs[0]?.url ?? '', join(folder.path, 'output', attempts[0]?.job_id ?? 'none')];
    await access(copies);
    expect((await download(gateway, url)).status).toBe(200);
    expect(await tasks.of(id, '', 'DELETE')).toMatchObject({ status: 204, text: '' });
    for (const rest of ['', '/events', '/outputs']) expect((await tasks.of(id, rest)).status).toBe(404);
    await expect(access(copies)).rejects.toMatchObject({ code: 'ENOENT' });
    expect((await tasks.list({ limit: '500' })).tasks.map((task) => task.task_id)).not.toContain(id);
  });

  test('one that has not is a conflict', async () => {
    const { task_id: id } = await tasks.create({ workflow: longWork() });
    expect(problem(await tasks.of(id, '', 'DELETE'))).toMatchObject({ status: 409, code: 'CONFLICT' });
    await tasks.cancel(id);
    expect((await tasks.of(id, '', 'DELETE')).status).toBe(204);
  });
});
