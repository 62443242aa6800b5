import { beforeEach, describe, expect, test } from 'vitest';
import { limits } from '../../constants/limits.ts';
import type { TaskEventName } from '../../models/task.ts';
import { audienceOf, EventFeed, type TaskTidings, type Watcher } from './feed.ts';

const alice = audienceOf('alice', 'page');

/** What a watcher was sent so far, as `type seq`. */
async function told(watcher: Watcher): Promise<string[]> {
  watcher.mailbox.close(1000, 'enough');
  const seen: string[] = [];
  for await (const frames of watcher.mailbox.frames()) {
    for (const frame of frames) {
      const { type, data }: { type: string; data: { seq?: number } } = JSON.parse(frame.data.toString('utf8'));
      seen.push(`${type} ${data.seq ?? '-'}`);
    }
  }
  return seen;
}

function feedWith(states: number): EventFeed {
  const feed = new EventFeed();
  feed.open('p', alice);
  for (let n = 1; n <= states; n += 1) feed.state('p', `s${n}`, {});
  return feed;
}

describe('the feed', () => {
  test('writes a message once, however many receive it', async () => {
    const feed = new EventFeed();
    feed.open('p', alice);
    const watchers = Array.from({ length: 1_000 }, () => feed.join(alice));
    feed.subscribe(feed.join(audienceOf('alice', 'other')), 'p', 0);
    let written = 0;
    feed.state('p', 'executed', { toJSON: () => ((written += 1), { seq: 1 }) });
    feed.progress('p', 'progress', { toJSON: () => ((written += 1), { seq: 1 }) });
    expect(written).toBe(2);
    const first = await Promise.all(watchers.map((watcher) => watcher.mailbox.frames().next()));
    for (const { value } of first) expect(value?.map(({ data }, n) => data === first[0]?.value?.[n]?.data)).toEqual([true, true]);
  });

  test('gives no number to what cannot be written', async () => {
    const feed = feedWith(1);
    const watcher = feed.join(alice);
    expect(() => feed.state('p', 'deep', { deep: JSON.parse('['.repeat(100_000) + ']'.repeat(100_000)) })).toThrow(RangeError);
    feed.state('p', 'next', {});
    expect(await told(watcher)).toEqual(['next 2']);
  });

  test('numbers states from 1 and gives progress the number of the newest', async () => {
    const feed = new EventFeed();
    const watcher = feed.join(alice);
    feed.open('p', alice);
    feed.progress('p', 'progress', {});
    feed.state('p', 'start', {});
    feed.progress('p', 'progress', {});
    feed.state('p', 'result', {});
    expect(await told(watcher)).toEqual(['progress 0', 'start 1', 'progress 1', 'result 2']);
  });

  test('tells a prompt to its audience alone: the same client id under another key is another audience', async () => {
    const feed = new EventFeed();
    const [mine, theirs, elsewhere] = [feed.join(alice), feed.join(audienceOf('bob', 'page')), feed.join(audienceOf('alice', 'other'))];
    feed.open('p', alice);
    feed.state('p', 'start', {});
    expect([await told(mine), await told(theirs), await told(elsewhere)]).toEqual([['start 1'], [], []]);
  });

  test('does not let a key and a client id be mixed into another pair', () => {
    expect(audienceOf('a', 'b@c')).not.toBe(audienceOf('a@b', 'c'));
  });

  test('replays what came after since, then goes on live, without a gap and without a repetition', async () => {
    const feed = feedWith(5);
    const watcher = feed.join(alice);
    expect(feed.subscribe(watcher, 'p', 2)).toBe('subscribed');
    feed.state('p', 's6', {});
    expect(await told(watcher)).toEqual(['s3 3', 's4 4', 's5 5', 's6 6']);
  });

  test('sends a second subscription only what the first had left out', async () => {
    const feed = feedWith(5);
    const watcher = feed.join(alice);
    feed.subscribe(watcher, 'p', 4);
    feed.subscribe(watcher, 'p', 2);
    feed.subscribe(watcher, 'p', 2);
    expect(await told(watcher)).toEqual(['s5 5', 's3 3', 's4 4']);
  });

  test('sends nothing again to one who saw everything live', async () => {
    const feed = new EventFeed();
    const watcher = feed.join(alice);
    feed.open('p', alice);
    feed.state('p', 's1', {});
    expect(feed.subscribe(watcher, 'p', 0)).toBe('subscribed');
    expect(await told(watcher)).toEqual(['s1 1']);
  });

  test('lets others of the same key watch by id, and stop', async () => {
    const feed = feedWith(1);
    const watcher = feed.join(audienceOf('alice', 'other'));
    feed.subscribe(watcher, 'p', undefined);
    feed.state('p', 's2', {});
    feed.unsubscribe(watcher, 'p');
    feed.state('p', 's3', {});
    expect(await told(watcher)).toEqual(['s2 2']);
  });

  test('numbers of a prompt that began in an earlier life are beyond those of then, and since from then is a reset', async () => {
    const feed = new EventFeed();
    feed.open('p', alice, { told: 1_000 });
    feed.state('p', 'executing', {});
    feed.state('p', 'result', {});
    for (const since of [0, 1, 2, 999]) {
      const watcher = feed.join(alice);
      expect(feed.subscribe(watcher, 'p', since)).toBe('reset');
      expect(await told(watcher)).toEqual([]);
    }
    const watcher = feed.join(alice);
    expect(feed.subscribe(watcher, 'p', 1_001)).toBe('subscribed');
    expect(await told(watcher)).toEqual(['result 1002']);
  });

  test('says reset when since lies in the future, when the past is not kept, and when it does not know the prompt', () => {
    const feed = feedWith(limits.replayStates + 10);
    expect(feed.subscribe(feed.join(alice), 'p', 9_999)).toBe('reset');
    expect(feed.subscribe(feed.join(alice), 'p', 3)).toBe('reset');
    expect(feed.subscribe(feed.join(alice), 'p', 10)).toBe('subscribed');
    expect(feed.subscribe(feed.join(alice), 'unknown', 0)).toBe('reset');
  });

  test('knows who has seen the newest state live', () => {
    const feed = new EventFeed();
    const early = feed.join(alice);
    feed.open('p', alice);
    feed.state('p', 'start', {});
    const late = feed.join(alice);
    const stranger = feed.join(audienceOf('alice', 'other'));
    expect([early, late, stranger].map((watcher) => feed.sawNewest(watcher, 'p'))).toEqual([true, false, false]);
    feed.subscribe(stranger, 'p', undefined);
    feed.state('p', 'result', {});
    expect([early, late, stranger].map((watcher) => feed.sawNewest(watcher, 'p'))).toEqual([true, true, true]);
    expect(feed.sawNewest(early, 'unknown')).toBe(false);
  });

  test('keeps the newest state of every prompt when all of them together grow too large', () => {
    const feed = new EventFeed();
    const large = 'x'.repeat(1024 * 1024);
    for (let n = 0; n < 80; n += 1) {
      feed.open(`p${n}`, alice);
      feed.state(`p${n}`, 'start', { large });
      feed.state(`p${n}`, 'result', {});
    }
    expect(feed.subscribe(feed.join(alice), 'p0', 0)).toBe('reset');
    expect(feed.subscribe(feed.join(alice), 'p79', 0)).toBe('subscribed');
    expect(feed.last('p0')?.data.toString()).toContain('"result"');
  });

  test('refuses more subscriptions than a socket may have', () => {
    const feed = new EventFeed();
    const watcher = feed.join(alice);
    for (let n = 0; n <= limits.subscriptions; n += 1) feed.open(`p${n}`, alice);
    const outcomes = Array.from({ length: limits.subscriptions + 1 }, (_, n) => feed.subscribe(watcher, `p${n}`, undefined));
    expect(outcomes.filter((outcome) => outcome === 'full')).toHaveLength(1);
    expect(outcomes.at(-1)).toBe('full');
  });

  test('forgets prompts with everything that was kept of them', () => {
    const feed = feedWith(2);
    feed.forget(['p', 'unknown']);
    expect([feed.has('p'), feed.seq('p'), feed.last('p')]).toEqual([false, 0, undefined]);
    feed.state('p', 'late', {});
    expect(feed.has('p')).toBe(false);
  });

  test('counts its watchers, each once', () => {
    const feed = new EventFeed();
    const [one, two] = [feed.join(alice), feed.join(alice)];
    feed.leave(one);
    feed.leave(one);
    expect(feed.watcherCount).toBe(1);
    feed.leave(two);
    expect([feed.watcherCount, feed.full]).toEqual([0, false]);
  });

  test('makes a preview in the form that each watcher can read, and not at all when nobody watches', async () => {
    const feed = new EventFeed();
    const made: string[] = [];
    const frames = {
      legacy: () => (made.push('legacy'), { data: Buffer.from('{"type":"legacy","data":{}}'), binary: true }),
      withMetadata: () => (made.push('metadata'), { data: Buffer.from('{"type":"metadata","data":{}}'), binary: true }),
    };
    feed.open('p', alice);
    feed.preview('p', frames, 'preview');
    expect(made).toEqual([]);
    const [plain, modern] = [feed.join(alice), feed.join(alice)];
    modern.previewMetadata = true;
    feed.preview('p', frames, 'preview');
    expect([await told(plain), await told(modern)]).toEqual([['legacy -'], ['metadata -']]);
  });
});

describe('whoever subscribed to a task', () => {
  const elsewhere = audienceOf('alice', 'other');
  let feed: EventFeed;
  let watcher: Watcher;

  beforeEach(() => {
    feed = new EventFeed();
    feed.open('p', alice, { taskId: 't' });
    watcher = feed.join(elsewhere);
    follow(watcher);
  });

  /** Subscribes, and is told at once what is stored: nothing. */
  const follow = (one: Watcher, taskId = 't'): void => void Object.assign(feed.joinTask(one, taskId, alice) ?? {}, { catchingUp: false });
  const tidings = (seq: number, event: TaskEventName | 'progress' = 'started'): TaskTidings => ({ taskId: 't', owner: 'alice', clientId: 'page', seq, event, status: 'processing', at: 1, data: {} });

  test('receives every message of its prompt from then on, each the same frame as everybody else, and it names both', async () => {
    const [member, reader] = [feed.join(alice), feed.join(elsewhere)];
    feed.subscribe(reader, 'p', undefined);
    feed.state('p', 'start', {});
    feed.progress('p', 'progress', {});
    feed.latest('p', { type: 'progress_state', data: {} }, 'states');
    const frames = await Promise.all([member, reader, watcher].map(async (one) => (await one.mailbox.frames().next()).value ?? []));
    expect(frames.map((mine) => mine.map((frame, n) => frame === frames[0]?.[n]))).toEqual([[true, true, true], [true, true, true], [true, true, true]]);
    expect(frames[0]?.map(({ data }) => JSON.parse(data.toString()))).toEqual(['start', 'progress', 'progress_state'].map((type) => ({ type, data: { prompt_id: 'p', task_id: 't', seq: 1 } })));
  });

  test('receives previews, in the form that it can read, also when nobody else watches', async () => {
    const made = { legacy: () => ({ data: Buffer.from('{"type":"legacy","data":{}}'), binary: true }), withMetadata: () => ({ data: Buffer.from('{"type":"metadata","data":{}}'), binary: true }) };
    watcher.previewMetadata = true;
    feed.preview('p', made, 'preview');
    feed.progress('p', 'progress', {});
    expect(await told(watcher)).toEqual(['metadata -', 'progress 0']);
  });

  test('receives each message once, though it watches the prompt by its id or as one of its audience, too', async () => {
    const member = feed.join(alice);
    follow(member);
    feed.subscribe(watcher, 'p', undefined);
    feed.state('p', 's1', {});
    feed.unsubscribe(watcher, 'p');
    feed.state('p', 's2', {});
    expect([await told(member), await told(watcher)]).toEqual([['s1 1', 's2 2'], ['s1 1', 's2 2']]);
  });

  test('is sent only what it has not had when it subscribes to the prompt later', async () => {
    const late = feed.join(elsewhere);
    feed.state('p', 's1', {});
    follow(late);
    feed.state('p', 's2', {});
    expect([feed.sawNewest(late, 'p'), feed.sawNewest(watcher, 'p'), feed.sawNewest(feed.join(elsewhere), 'p')]).toEqual([true, true, false]);
    feed.subscribe(late, 'p', 0);
    feed.subscribe(watcher, 'p', 0);
    feed.state('p', 's3', {});
    expect([await told(late), await told(watcher)]).toEqual([['s2 2', 's1 1', 's3 3'], ['s1 1', 's2 2', 's3 3']]);
  });

  test('is sent what passed in between when it stopped and comes back to the prompt', async () => {
    feed.state('p', 's1', {});
    feed.leaveTask(watcher, 't');
    feed.state('p', 's2', {});
    expect(feed.sawNewest(watcher, 'p')).toBe(false);
    feed.subscribe(watcher, 'p', 1);
    expect(await told(watcher)).toEqual(['s1 1', 's2 2']);
  });

  test('receives nothing when the task of that name is of another audience: ids of prompts are chosen by callers', async () => {
    const thief = feed.join(audienceOf('bob', 'other'));
    feed.open('p2', alice, { taskId: 't2' });
    Object.assign(feed.joinTask(thief, 't2', audienceOf('bob', 'page')) ?? {}, { catchingUp: false });
    feed.state('p2', 'start', {});
    expect(await told(thief)).toEqual([]);
  });

  test('is told each event once and in order, though it is one of the audience as well; the others of the audience are told too', async () => {
    const [member, other] = [feed.join(alice), feed.join(alice)];
    follow(member);
    for (const seq of [1, 2]) feed.task(tidings(seq));
    feed.task(tidings(2));
    expect([await told(watcher), await told(member)]).toEqual([['task 1', 'task 2'], ['task 1', 'task 2']]);
    feed.task(tidings(2, 'progress'));
    expect((await told(other)).at(-1)).toBe('task 2');
  });

  test('is told nothing while the past is read for it, and learns that something happened', async () => {
    const late = feed.join(elsewhere);
    const seen = feed.joinTask(late, 't', alice);
    feed.task(tidings(4));
    feed.task(tidings(4, 'progress'));
    expect(seen).toMatchObject({ catchingUp: true, missed: true });
    Object.assign(seen ?? {}, { catchingUp: false, seq: 4 });
    feed.task(tidings(4));
    feed.task(tidings(5));
    expect(await told(late)).toEqual(['task 5']);
  });

  test('hears no more of it after its last event, and has room for others', async () => {
    feed.task(tidings(3, 'completed'));
    feed.task(tidings(4));
    feed.state('p', 's1', {});
    expect(await told(watcher)).toEqual(['task 3']);
    for (let n = 0; n < limits.subscriptions; n += 1) expect(feed.joinTask(watcher, `task ${n}`, alice)).toBeDefined();
    expect(feed.joinTask(watcher, 'one more', alice)).toBeUndefined();
    expect(feed.subscribe(watcher, 'p', undefined)).toBe('full');
  });

  test('remembers nothing of its prompts once it has ended', () => {
    feed.state('p', 's1', {});
    expect(watcher.liveFrom.size).toBe(1);
    feed.task(tidings(3, 'completed'));
    expect(watcher.liveFrom.size).toBe(0);
  });

  test('costs nothing where nobody watches', () => {
    const alone = new EventFeed();
    const data = { get picture() { throw new TypeError('it was written'); } };
    expect(() => alone.task({ ...tidings(1), data })).not.toThrow();
  });

  test('is rid of everything when the prompt is forgotten and it has left the task', async () => {
    feed.state('p', 's1', {});
    const member = feed.join(alice);
    feed.state('p', 's2', {});
    feed.leaveTask(watcher, 't');
    expect(watcher.liveFrom.size + watcher.topics.size).toBe(0);
    feed.subscribe(member, 'p', 0);
    expect(await told(member)).toEqual(['s2 2', 's1 1']);
    feed.forget(['p']);
    expect(member.liveFrom.size).toBe(0);
  });
});
