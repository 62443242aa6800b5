import { beforeEach, describe, expect, test } from 'vitest';
import { parseJson } from '../../atoms/json/json.ts';
import { limits } from '../../constants/limits.ts';
import { audienceOf, EventFeed } from '../../molecules/event-feed/feed.ts';
import { InstancePool } from '../../molecules/instance-pool/pool.ts';
import { PromptTracker } from '../../molecules/prompt-tracker/tracker.ts';
import { Watch } from './watch.ts';

let tracker: PromptTracker;
let feed: EventFeed;

beforeEach(() => {
  tracker = new PromptTracker();
  feed = new EventFeed();
});

const ids = (count: number, name = 'p'): string[] => Array.from({ length: count }, (_, n) => `${name}${n}`);

function running(promptIds: readonly string[], key = 'alice'): void {
  for (const promptId of promptIds) {
    tracker.add({ promptId, key, clientId: 'page', instance: 'one', createdAt: 1, classes: new Map() });
    feed.open(promptId, audienceOf(key, 'page'));
  }
}

function watching(clientId = 'reader'): Watch {
  return new Watch({ tracker, feed, pool: new InstancePool(), records: { findMany: () => Promise.resolve([]) }, tasks: { findMany: () => Promise.resolve([]), events: () => Promise.resolve([]) } }, { caller: { key: 'alice', admin: false }, clientId });
}

/** What the watch was sent, after which it is over. */
async function sent(watch: Watch): Promise<{ type: string; data: Record<string, unknown> }[]> {
  watch.close(1000, 'enough');
  const messages: { type: string; data: Record<string, unknown> }[] = [];
  for await (const frames of watch.frames(() => Promise.resolve())) {
    for (const { data } of frames) messages.push(parseJson(data.toString()) as { type: string; data: Record<string, unknown> });
  }
  return messages;
}

const item = (prompt_id: string): { prompt_id: string } => ({ prompt_id });

describe('a watch that subscribes to more than one socket may', () => {
  const [within, beyond] = [ids(limits.subscriptions), ids(3, 'beyond')];

  test('is told of each prompt that is one too many, and receives the others', async () => {
    running([...within, ...beyond]);
    const watch = watching();
    await watch.subscribe(within.map(item), 'first');
    await watch.subscribe(beyond.map(item), 'second');
    for (const id of [...within.slice(-1), ...beyond]) feed.state(id, 'execution_start', {});
    const messages = await sent(watch);
    const refused = messages.filter(({ data }) => data['event'] === 'error');
    expect(refused.map(({ data }) => [data['request_id'], data['code'], data['prompt_id']])).toEqual(beyond.map((id) => ['second', 'WEBSOCKET_ERROR', id]));
    expect(messages.filter(({ type }) => type === 'execution_start').map(({ data }) => data['prompt_id'])).toEqual(within.slice(-1));
  });

  test('has room again for each that it gives up, and asks again for the same without harm', async () => {
    running([...within, ...beyond]);
    const watch = watching();
    await watch.subscribe(within.map(item), undefined);
    await watch.subscribe(within.map(item), undefined);
    watch.unsubscribe(within.slice(0, 3).map(item));
    await watch.subscribe(beyond.map(item), undefined);
    for (const id of beyond) feed.state(id, 'execution_start', {});
    const messages = await sent(watch);
    expect(messages.filter(({ data }) => data['event'] === 'error')).toEqual([]);
    expect(messages.filter(({ type }) => type === 'execution_start')).toHaveLength(3);
  });

  test('takes no room from others', async () => {
    running([...within, ...beyond]);
    await watching().subscribe(within.map(item), undefined);
    const other = watching();
    await other.subscribe(beyond.map(item), undefined);
    expect((await sent(other)).filter(({ data }) => data['event'] === 'error')).toEqual([]);
  });
});

test('a prompt of another key is as unknown as one that nobody made', async () => {
  running(['mine']);
  running(['theirs'], 'bob');
  const watch = watching();
  await watch.subscribe(['mine', 'theirs', 'nobody'].map(item), 'r');
  feed.state('theirs', 'execution_start', {});
  expect(await sent(watch)).toEqual([{ type: 'system', data: { event: 'subscribed', request_id: 'r', items: [{ prompt_id: 'mine', seq: 0 }], unknown: ['theirs', 'nobody'] } }]);
});
