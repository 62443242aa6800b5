import { describe, expect, test } from 'vitest';
import { limits } from '../../constants/limits.ts';
import type { Frame } from '../../models/frame.ts';
import { Mailbox } from './mailbox.ts';

const frame = (text: string, bytes = 0): Frame => ({ data: Buffer.concat([Buffer.from(text), Buffer.alloc(bytes)]), binary: false });
const word = (one: Frame): string => one.data.toString('utf8').replace(/\0+$/, '');

/** Everything that waits, in order. */
async function drain(mailbox: Mailbox): Promise<string[]> {
  mailbox.close(1000, 'enough');
  const words: string[] = [];
  for await (const frames of mailbox.frames()) words.push(...frames.map(word));
  return words;
}

/** Puts the reader behind with states that are never dropped. */
function behind(mailbox: Mailbox): string[] {
  const words = Array.from({ length: 65 }, (_, n) => `s${n}`);
  for (const text of words) mailbox.push(frame(text), 'state');
  return words;
}

describe('a mailbox', () => {
  test('gives frames in the order in which they came', async () => {
    const mailbox = new Mailbox();
    mailbox.push(frame('a'), 'state');
    mailbox.push(frame('b'), 'progress', 'p');
    mailbox.push(frame('c'), 'progress', 'p');
    expect(await drain(mailbox)).toEqual(['a', 'b', 'c']);
  });

  test('wakes its reader when something comes', async () => {
    const mailbox = new Mailbox();
    const frames = mailbox.frames();
    const next = frames.next();
    mailbox.push(frame('late'), 'state');
    expect((await next).value?.map(word)).toEqual(['late']);
  });

  test('keeps every state of a reader that is behind, and only the newest progress of each slot', async () => {
    const mailbox = new Mailbox();
    const states = behind(mailbox);
    for (let n = 0; n < 10; n += 1) {
      mailbox.push(frame(`one${n}`), 'progress', 'one');
      mailbox.push(frame(`two${n}`), 'progress', 'two');
    }
    expect(await drain(mailbox)).toEqual([...states, 'one9', 'two9']);
    expect(mailbox.dropped).toBe(18);
  });

  test('lets its reader look when everything that came at once is there', async () => {
    const mailbox = new Mailbox();
    const settled = Promise.withResolvers<void>();
    const first = mailbox.frames(() => settled.promise).next();
    mailbox.push(frame('old'), 'latest', 'states');
    mailbox.push(frame('state'), 'state');
    await Promise.resolve();
    mailbox.push(frame('new'), 'latest', 'states');
    settled.resolve();
    expect((await first).value?.map(word)).toEqual(['state', 'new']);
  });

  test('holds the status of the queue once only', async () => {
    const mailbox = new Mailbox();
    for (let n = 0; n < 5; n += 1) mailbox.push(frame(`q${n}`), 'latest', 'status');
    expect(await drain(mailbox)).toEqual(['q4']);
  });

  test('drops pictures before it closes, oldest first', async () => {
    const mailbox = new Mailbox();
    const half = limits.mailboxBytes / 2;
    mailbox.push(frame('old', half - 10), 'preview', 'a');
    mailbox.push(frame('new', half - 10), 'preview', 'b');
    mailbox.push(frame('state', 100), 'state');
    expect([mailbox.closed, mailbox.dropped]).toEqual([undefined, 1]);
    expect(await drain(mailbox)).toEqual(['new', 'state']);
  });

  test('drops a picture that does not fit and stays open', async () => {
    const mailbox = new Mailbox();
    mailbox.push(frame('state', limits.mailboxBytes - 100), 'state');
    mailbox.push(frame('big', 1_000), 'preview', 'a');
    expect([mailbox.closed, mailbox.dropped]).toEqual([undefined, 1]);
    expect(await drain(mailbox)).toEqual(['state']);
  });

  test('closes with 1013 when what must not be dropped does not fit, and gives nothing more', async () => {
    const mailbox = new Mailbox();
    mailbox.push(frame('picture', limits.mailboxBytes - 100), 'output');
    mailbox.push(frame('state', 1_000), 'state');
    expect(mailbox.closed?.code).toBe(1013);
    mailbox.push(frame('later'), 'state');
    expect(await drain(mailbox)).toEqual([]);
  });

  test('closes with 1013 when too many states wait', () => {
    const mailbox = new Mailbox();
    for (let n = 0; n <= limits.mailboxStates; n += 1) mailbox.push(frame('s'), 'state');
    expect(mailbox.closed?.code).toBe(1013);
  });

  test('delivers what waits before an orderly end, and takes no more', async () => {
    const mailbox = new Mailbox();
    mailbox.push(frame('owed'), 'state');
    mailbox.close(1001, 'the gateway stops');
    mailbox.push(frame('late'), 'state');
    mailbox.close(1013, 'too late to matter');
    expect(await drain(mailbox)).toEqual(['owed']);
    expect(mailbox.closed).toEqual({ code: 1001, reason: 'the gateway stops' });
  });

  test('gives some frames at a time, so that what waits can still be dropped', async () => {
    const mailbox = new Mailbox();
    for (let n = 0; n < 8; n += 1) mailbox.push(frame(`p${n}`, 20 * 1024), 'preview', `slot${n}`);
    const frames = mailbox.frames();
    expect((await frames.next()).value?.map(word)).toEqual(['p0', 'p1', 'p2']);
    expect((await frames.next()).value?.map(word)).toEqual(['p3', 'p4', 'p5']);
    mailbox.push(frame('huge', limits.mailboxBytes - 1_000), 'state');
    expect(await drain(mailbox)).toEqual(['huge']);
  });

  test('frees its bytes as they are read', async () => {
    const mailbox = new Mailbox();
    for (let n = 0; n < 20; n += 1) {
      mailbox.push(frame('s', limits.mailboxBytes / 2), 'state');
      await mailbox.frames().next();
    }
    expect([mailbox.closed, mailbox.bytes]).toEqual([undefined, 0]);
  });
});
