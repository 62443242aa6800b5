/** A database that takes nothing for a while: callers are told, and the service lives. Here a trigger from outside, which refuses as a full disk does, and a lock. */
import { join } from 'node:path';
import { DatabaseSync } from 'node:sqlite';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { startTestSandbox, type TestSandbox } from '../../support/engine.ts';
import { startTestGateway, type TestGateway } from '../../support/gateway.ts';
import { problem } from '../../support/gateway-client.ts';
import { solidColour } from '../../support/graphs.ts';
import { type TemporaryFolder, temporaryFolder } from '../../support/temporary-folder.ts';

let engine: TestSandbox;
let folder: TemporaryFolder;
let gateway: TestGateway;
let database: DatabaseSync;

beforeAll(async () => {
  [engine, folder] = await Promise.all([startTestSandbox(), temporaryFolder()]);
  gateway = await startTestGateway({ instances: [engine.url], folder: folder.path });
  database = new DatabaseSync(join(folder.path, 'data', 'gateway.db'), { timeout: 2_000 });
});
afterAll(async () => {
  database.close();
  await gateway[Symbol.asyncDispose]();
  await folder[Symbol.asyncDispose]();
  await engine[Symbol.asyncDispose]();
});

const create = () => gateway.post('/api/v1/tasks', { workflow: solidColour() });

test('a full disk refuses tasks with a sentence that says so, and takes them again when there is room', async () => {
  database.exec("CREATE TRIGGER full BEFORE INSERT ON tasks BEGIN SELECT RAISE(ABORT, 'database or disk is full'); END");
  const answer = await create();
  expect(answer.headers.get('retry-after')).toBe('5');
  expect(problem(answer)).toMatchObject({ status: 503, code: 'INTERNAL_ERROR', retryable: true, detail: expect.stringContaining('disk of the database is full') as unknown });
  expect((await gateway.call('GET', '/healthz')).status).toBe(200);
  database.exec('DROP TRIGGER full');
  expect((await create()).status).toBe(202);
});

test('a task whose end cannot be written ends as soon as it can, and is run once', async () => {
  database.exec("CREATE TRIGGER full BEFORE UPDATE OF ended_at ON tasks BEGIN SELECT RAISE(ABORT, 'database or disk is full'); END");
  const answer = await gateway.post('/api/v1/tasks', { workflow: solidColour() });
  const id = String(Object(answer.body).task_id);
  const ended = gateway.call('GET', `/api/v1/tasks/${id}/events`);
  await expect.poll(async () => Object((await gateway.call('GET', `/api/v1/tasks/${id}`)).body).attempts?.[0]?.job_id).toBeDefined();
  database.exec('DROP TRIGGER full');
  expect((await ended).text).toContain('event: completed');
  const view = Object((await gateway.call('GET', `/api/v1/tasks/${id}`)).body);
  expect([view.status, view.attempts.length]).toEqual(['completed', 1]);
  expect(engine.sandbox.counters.snapshot.executions[view.attempts[0].job_id]).toBe(1);
});

test('a database that another program holds refuses with 503, and the next call is served', async () => {
  database.exec('BEGIN IMMEDIATE');
  const answer = await create();
  database.exec('ROLLBACK');
  expect(problem(answer)).toMatchObject({ status: 503, code: 'INTERNAL_ERROR', detail: expect.stringContaining('database is busy') as unknown });
  expect((await create()).status).toBe(202);
});
