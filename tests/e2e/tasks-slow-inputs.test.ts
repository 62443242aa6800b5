/** Files that are long in coming: they keep no server idle, and nobody else waiting. */
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { type Engine, startEngine } from '../support/engine.ts';
import { startTestGateway, type TestGateway } from '../support/gateway.ts';
import { fresh } from '../support/graphs.ts';
import { png } from '../support/picture.ts';
import { type SmallServer, startSmallServer } from '../support/small-server.ts';
import { TasksClient } from '../support/tasks-client.ts';
import { temporaryFolder } from '../support/temporary-folder.ts';
import { until } from '../support/until.ts';

const keys = { ann: 'ann-secret-key', bob: 'bob-secret-key' };
let engine: Engine;
let folder: Awaited<ReturnType<typeof temporaryFolder>>;
let server: SmallServer;
let gateway: TestGateway;
/** Requests that wait for their file. */
const waiting: (() => void)[] = [];

beforeAll(async () => {
  const picture = await png();
  server = await startSmallServer((_, response) => void waiting.push(() => response.writeHead(200, { 'content-type': 'image/png' }).end(picture)));
  [engine, folder] = await Promise.all([startEngine(), temporaryFolder()]);
  gateway = await startTestGateway({ instances: [engine.url], folder: folder.path, env: { FETCH_ALLOWED_HOSTS: new URL(server.url).host, API_KEYS: `ann:${keys.ann},bob:${keys.bob}`, WORKER_CONCURRENCY: '2', TASKS_PER_INSTANCE: '1' } });
});
afterAll(async () => {
  await gateway.close();
  await server.close();
  await engine[Symbol.asyncDispose]();
  await folder[Symbol.asyncDispose]();
});

describe('tasks whose files do not come', () => {
  test('let those of others pass, and are done when the files have come', async () => {
    const [ann, bob] = [new TasksClient(gateway, keys.ann), new TasksClient(gateway, keys.bob)];
    const slow = await Promise.all(Array.from({ length: 12 }, (_, n) => ann.create({ template: 'resize', inputs: { image: `${server.url}/${n}.png`, width: 16, height: 16 } })));
    await until('as many fetch as may', () => waiting.length === 8);
    const quick = { template: 'text-to-image', inputs: { prompt: `a lighthouse ${fresh()}`, steps: 1 } };
    expect(await bob.run(quick)).toMatchObject({ status: 'completed' });
    expect(await bob.run(quick)).toMatchObject({ status: 'completed' });
    expect(waiting).toHaveLength(8);
    for (let n = 0; n < 12; n += 1) (await until('the next one asks', () => waiting.shift()))();
    for (const { task_id: id } of slow) expect((await ann.ended(id)).status).toBe('completed');
  });
});
