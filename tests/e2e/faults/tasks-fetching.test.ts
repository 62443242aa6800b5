/** Files from outside: fetched once, handed to an instance once, tried again when their server stumbles. */
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { startTestSandbox, type TestSandbox } from '../../support/engine.ts';
import { type FileServer, startFileServer } from '../../support/file-server.ts';
import { handOver, loaded } from '../../support/files-client.ts';
import { startTestGateway, type TestGateway } from '../../support/gateway.ts';
import { containing } from '../../support/matchers.ts';
import { png } from '../../support/picture.ts';
import { startSmallServer } from '../../support/small-server.ts';
import { TasksClient } from '../../support/tasks-client.ts';
import { until } from '../../support/until.ts';

let engine: TestSandbox;
let server: FileServer;
let gateway: TestGateway;
let tasks: TasksClient;

beforeEach(async () => {
  [engine, server] = await Promise.all([startTestSandbox(), startFileServer()]);
  gateway = await startTestGateway({ instances: [engine.url], env: { FETCH_ALLOWED_HOSTS: '127.0.0.1', RETRY_DELAY_SECONDS: '0.05', DOWNLOAD_ATTEMPTS: '2', MAX_ATTEMPTS: '2', MAX_UPLOAD_MB: '0.1' } });
  tasks = new TasksClient(gateway);
});
afterEach(async () => {
  engine.sandbox.knobs.reset();
  await gateway.close();
  await Promise.all([engine, server].map((one) => one[Symbol.asyncDispose]()));
});

const uploads = (): number => engine.sandbox.counters.snapshot.requests['POST /upload/image'] ?? 0;
const shrunk = (image: string) => ({ template: 'resize', inputs: { image, width: 16, height: 16 } });
const completed = { status: 'completed', outputs: [{ kind: 'image' }] };

describe('the same file', () => {
  test('by the same URL for many tasks at once is fetched and uploaded once', async () => {
    server.files.set('/a.png', await png());
    server.tagged = true;
    const ids = await Promise.all(Array.from({ length: 6 }, () => tasks.create(shrunk(`${server.url}/a.png`))));
    for (const { task_id: id } of ids) expect(await tasks.ended(id)).toMatchObject(completed);
    expect([server.given(), uploads()]).toEqual([1, 1]);
  });

  test('later is asked whether it has changed, and fetched when it has', async () => {
    server.files.set('/a.png', await png());
    server.tagged = true;
    for (let n = 0; n < 3; n += 1) expect(await tasks.run(shrunk(`${server.url}/a.png`))).toMatchObject(completed);
    expect([server.given(), server.asked(), uploads()]).toEqual([1, 3, 1]);
    server.tagged = false;
    server.files.set('/a.png', await png());
    expect(await tasks.run(shrunk(`${server.url}/a.png`))).toMatchObject(completed);
    expect([server.given(), uploads()]).toEqual([2, 2]);
  });

  test('of a server that marks nothing, by another URL, as data or as an upload is uploaded once', async () => {
    const content = await png();
    server.files.set('/a.png', content).set('/b.png', content);
    const { name } = await handOver(gateway, content);
    for (const image of [`${server.url}/a.png`, `${server.url}/a.png`, `${server.url}/b.png`, `data:image/png;base64,${content.toString('base64')}`, name]) expect(await tasks.run(shrunk(image))).toMatchObject(completed);
    expect(uploads()).toBe(1);
  });

  test('twice in one graph is fetched once', async () => {
    server.files.set('/a.png', await png());
    const url = `${server.url}/a.png`;
    expect(await tasks.run({ template: 'blend', inputs: { image1: url, image2: url } })).toMatchObject(completed);
    expect([server.given(), uploads()]).toEqual([1, 1]);
  });
});

describe('a server that stumbles', () => {
  test.each([500, 503, 429])('with %i is asked again within the same attempt', async (status) => {
    server.files.set('/a.png', await png());
    server.faults.push(status);
    expect(await tasks.run(shrunk(`${server.url}/a.png`))).toMatchObject({ ...completed, attempt: 1 });
  });

  test('for good ends the task, naming the input', async () => {
    server.faults.push(...Array.from({ length: 20 }, () => 500));
    expect(await tasks.run(shrunk(`${server.url}/a.png`))).toMatchObject({ status: 'failed', attempt: 1, error: { code: 'UPSTREAM_ERROR', reason: containing('input "image"') } });
  });

  test.each([404, 403, 410])('with %i is not asked again', async (status) => {
    server.files.set('/a.png', status);
    expect(await tasks.run(shrunk(`${server.url}/a.png`))).toMatchObject({ status: 'failed', attempt: 1, error: { reason: containing(String(status)) } });
    expect(server.asked()).toBe(1);
  });
});

test('a file that is too large, or none of the kinds that are taken, fails its task at once', async () => {
  server.files.set('/large.png', Buffer.alloc(200_000)).set('/page.html', Buffer.from('<html>no picture</html>'));
  expect(await tasks.run(shrunk(`${server.url}/large.png`))).toMatchObject({ status: 'failed', attempt: 1, error: { code: 'PAYLOAD_TOO_LARGE', reason: containing('more than 104857 bytes') } });
  expect(await tasks.run(shrunk(`${server.url}/page.html`))).toMatchObject({ status: 'failed', attempt: 1, error: { code: 'UNSUPPORTED_MEDIA_TYPE', reason: containing('input "image"') } });
  expect(uploads()).toBe(0);
});

test('a cancel, and a deadline, end the wait for a file that does not come; others who wait for it are not disturbed', async () => {
  const content = await png();
  let arrive = (): void => undefined;
  const come = new Promise<void>((resolve) => (arrive = resolve));
  const slow = await startSmallServer((_request, response) => void come.then(() => response.writeHead(200).end(content)));
  const [stopped, late, other] = [await tasks.create(shrunk(slow.url)), await tasks.create({ ...shrunk(slow.url), deadline_seconds: 1 }), await tasks.create({ workflow: loaded(slow.url) })];
  await tasks.reaches(stopped.task_id, 'processing');
  expect(await tasks.cancel(stopped.task_id)).toMatchObject({ status: 'cancelled', attempts: [{ outcome: 'cancelled' }] });
  expect(await tasks.ended(late.task_id)).toMatchObject({ status: 'failed', error: { code: 'TASK_TIMEOUT', reason: containing('deadline_seconds') } });
  await tasks.reaches(other.task_id, 'processing');
  arrive();
  expect(await tasks.ended(other.task_id)).toMatchObject({ status: 'completed' });
  await until('nobody waits for it any more', () => slow.connections() <= 1);
  await slow.close();
});
