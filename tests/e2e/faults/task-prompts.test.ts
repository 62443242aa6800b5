/** Prompts that the gateway itself submits, as runs of tasks: where they go, what is told of them, and that nobody outside can say such things. */
import { existsSync } from 'node:fs';
import { join } from 'node:path';
import { Writable } from 'node:stream';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { parseJson } from '../../../src/atoms/json/json.ts';
import { loadConfig } from '../../../src/core/config.ts';
import { createLogging } from '../../../src/core/logger.ts';
import { assemble, findInstances, openDatabase, readWritten, tokens } from '../../../src/entry/container.ts';
import type { InternalOptions } from '../../../src/models/workflow.ts';
import { audienceOf, type Watcher } from '../../../src/molecules/event-feed/feed.ts';
import { startTestSandbox, type TestSandbox } from '../../support/engine.ts';
import { settingsBelow, startTestGateway } from '../../support/gateway.ts';
import { freshId, solidColour } from '../../support/graphs.ts';
import { containing } from '../../support/matchers.ts';
import { temporaryFolder } from '../../support/temporary-folder.ts';
import { until } from '../../support/until.ts';

const caller = { key: 'ann', admin: false };
const never = new AbortController().signal;
let folder: Awaited<ReturnType<typeof temporaryFolder>>;
let engines: TestSandbox[];

beforeEach(async () => {
  folder = await temporaryFolder();
  engines = await Promise.all([startTestSandbox(), startTestSandbox()]);
});
afterEach(async () => {
  for (const { sandbox } of engines) sandbox.knobs.reset();
  await Promise.all(engines.map((engine) => engine[Symbol.asyncDispose]()));
  await folder[Symbol.asyncDispose]();
});

const nameOf = (engine: TestSandbox | undefined): string => new URL(engine?.url ?? '').host;

/** The inside of a gateway, without doors. */
async function inside() {
  const lines: string[] = [];
  const config = loadConfig({ ...settingsBelow(folder.path), COMFYUI_URLS: engines.map((engine) => engine.url).join(',') });
  const logging = createLogging({ ...config, output: new Writable({ write: (chunk, _encoding, done) => (lines.push(String(chunk)), done()) }) });
  const records = await openDatabase(config, never);
  const container = assemble({ config, logging, records, written: await readWritten(config, logging) });
  await findInstances(container, never);
  const stop = new AbortController();
  const running = container.resolve(tokens.live).run(stop.signal);
  await until('the instances are connected', () => container.resolve(tokens.pool).healthy().length === engines.length);
  const workflows = container.resolve(tokens.workflows);
  return {
    feed: container.resolve(tokens.feed),
    live: container.resolve(tokens.live),
    prompts: container.resolve(tokens.prompts),
    workflows,
    lines,
    submit: (options: InternalOptions = {}) => workflows.submit(caller, { workflow: solidColour(), prompt_id: freshId(), client_id: 'page', ...options }, never),
    ended: async (id: string) => until('it is over', async () => {
      const state = await workflows.state(caller, id, never);
      return !['queued', 'running'].includes(state.state) && state;
    }),
    async [Symbol.asyncDispose]() {
      stop.abort();
      await running;
      await container.resolve(tokens.mirror).stop();
      container.resolve(tokens.http).close();
      container.resolve(tokens.stream).close();
      await records.destroy();
      await logging.close();
    },
  };
}

/** Every text message that the watcher was sent. */
async function sentTo(watcher: Watcher): Promise<{ type: string; data: Record<string, unknown> }[]> {
  watcher.mailbox.close(1000, 'enough');
  const messages: { type: string; data: Record<string, unknown> }[] = [];
  for await (const frames of watcher.mailbox.frames()) for (const { data, binary } of frames) if (!binary) messages.push(parseJson(data.toString()) as { type: string; data: Record<string, unknown> });
  return messages;
}

describe('a prompt of a task', () => {
  test('names its task in every message, in its state, in its record and in the log; whoever watches the task is told of it', async () => {
    await using gateway = await inside();
    const [page, reader] = [gateway.feed.join(audienceOf('ann', 'page')), gateway.feed.join(audienceOf('ann', 'elsewhere'))];
    Object.assign(gateway.feed.joinTask(reader, 'the-task', audienceOf('ann', 'page')) ?? {}, { catchingUp: false });
    engines.forEach(({ sandbox }) => sandbox.knobs.set({ hold: true }));
    const { prompt_id: id } = await gateway.submit({ taskId: 'the-task' });
    expect(await gateway.workflows.state(caller, id, never)).toMatchObject({ prompt_id: id, task_id: 'the-task' });
    engines.forEach(({ sandbox }) => sandbox.knobs.set({ hold: false }));
    expect(await gateway.ended(id)).toMatchObject({ state: 'completed', task_id: 'the-task', outputs: [{ kind: 'image' }] });
    expect(await gateway.prompts.find(id)).toMatchObject({ taskId: 'the-task', acceptedAt: expect.any(Number) });
    const aboutPrompts = async (watcher: Watcher) => (await sentTo(watcher)).filter(({ type }) => type !== 'status');
    const [mine, theirs] = [await aboutPrompts(page), await aboutPrompts(reader)];
    expect(mine.map(({ type }) => type)).toEqual(expect.arrayContaining(['execution_start', 'executed', 'progress_state', 'result']));
    expect(mine.filter(({ data }) => data['prompt_id'] !== id || data['task_id'] !== 'the-task')).toEqual([]);
    expect(theirs).toEqual(mine);
    await until('its ending is in the log', () => gateway.lines.some((line) => line.includes('prompt completed') && line.includes(id) && line.includes('"task_id":"the-task"')));
  });

  test('leaves its outputs to the task: they are not copied, as those of other prompts are', async () => {
    await using gateway = await inside();
    const { prompt_id: ofTask } = await gateway.submit({ taskId: 'the-task' });
    await gateway.ended(ofTask);
    const { prompt_id: direct } = await gateway.submit();
    await gateway.ended(direct);
    const copies = (id: string): boolean => existsSync(join(folder.path, 'output', id));
    await until('the other is copied', () => copies(direct));
    expect(copies(ofTask)).toBe(false);
    expect((await gateway.prompts.newestOutputs(10)).map((output) => output.promptId)).toEqual([direct]);
  });

  test('of a process that is gone names its task still', async () => {
    await using gateway = await inside();
    engines.forEach(({ sandbox }) => sandbox.knobs.set({ hold: true }));
    const { prompt_id: id } = await gateway.submit({ taskId: 'the-task' });
    const owner = (await gateway.prompts.find(id))?.process ?? '';
    await using heir = await inside();
    const page = heir.feed.join(audienceOf('ann', 'page'));
    expect((await heir.live.adopt([owner])).map((record) => record.promptId)).toEqual([id]);
    expect(await heir.live.adopt([owner])).toEqual([]);
    engines.forEach(({ sandbox }) => sandbox.knobs.set({ hold: false }));
    expect(await heir.ended(id)).toMatchObject({ state: 'completed', task_id: 'the-task' });
    expect((await sentTo(page)).at(-1)).toMatchObject({ type: 'result', data: { task_id: 'the-task' } });
  });

  test('keeps its id: a second one of the same id is refused without a question to the instances', async () => {
    await using gateway = await inside();
    const { prompt_id: id } = await gateway.submit({ taskId: 'the-task' });
    await gateway.ended(id);
    const asked = (): number => engines.reduce((sum, { sandbox }) => sum + (sandbox.counters.snapshot.requests['GET /history/:id'] ?? 0), 0);
    const before = asked();
    await expect(gateway.workflows.submit(caller, { workflow: solidColour(), prompt_id: id, taskId: 'the-task' }, never)).rejects.toMatchObject({ code: 'CONFLICT' });
    expect(asked()).toBe(before);
    expect((await gateway.prompts.find(id))?.state).toBe('completed');
  });
});

describe('a prompt that shall not go anywhere', () => {
  test('goes to others than those to be avoided, however busy they are', async () => {
    await using gateway = await inside();
    const [one, two] = engines.map(nameOf);
    engines.forEach(({ sandbox }) => sandbox.knobs.set({ hold: true }));
    const chosen = [];
    for (let n = 0; n < 3; n += 1) chosen.push((await gateway.submit({ avoid: [one ?? ''] })).instance);
    expect(chosen).toEqual([two, two, two]);
    expect((await gateway.submit({ avoid: [one ?? '', two ?? ''] })).instance).toBe(one);
  });

  test('goes to those that it may go to alone, and to nobody when they cannot take it', async () => {
    await using gateway = await inside();
    const [one, two] = engines.map(nameOf);
    for (let n = 0; n < 3; n += 1) expect((await gateway.submit({ only: [two ?? ''] })).instance).toBe(two);
    engines[1]?.sandbox.knobs.set({ failPromptBefore: 9 });
    const posts = engines[0]?.sandbox.counters.snapshot.requests['POST /prompt'];
    await expect(gateway.submit({ only: [two ?? ''] })).rejects.toMatchObject({ code: 'UPSTREAM_ERROR' });
    expect(engines[0]?.sandbox.counters.snapshot.requests['POST /prompt']).toBe(posts);
    engines[1]?.sandbox.knobs.set({ failPromptBefore: 0, refuseSockets: true });
    engines[1]?.sandbox.closeSockets();
    await until('it is away', async () => gateway.submit({ only: [two ?? '', 'other:1'] }).then(() => false, (error: unknown) => {
      expect(error).toMatchObject({ code: 'CONNECTION_ERROR', message: containing(`(${two}, other:1)`) });
      return true;
    }));
    expect((await gateway.submit()).instance).toBe(one);
  });
});

test.each([{ taskId: 't' }, { task_id: 't' }, { avoid: ['a'] }, { only: ['a'] }])('a caller cannot say %o of a prompt', async (option) => {
  await using gateway = await startTestGateway({ instances: engines.map((engine) => engine.url) });
  using socket = await gateway.socket('page');
  expect(await gateway.refusal({ workflow: solidColour(), ...option })).toMatchObject({ status: 422, code: 'VALIDATION_ERROR' });
  expect((await socket.ask('submit', { workflow: solidColour(), ...option })).data).toMatchObject({ event: 'error', code: 'VALIDATION_ERROR' });
});
