import { describe, expect, test } from 'vitest';
import { memoryLog } from '../../../tests/support/http-app.ts';
import { limits } from '../../constants/limits.ts';
import { EventFeed, type Watcher } from '../../molecules/event-feed/feed.ts';
import { type Line, pump, Turn } from './pump.ts';

/** A line that keeps what it was told to do. `full` makes it hold more than it should until `drain` is called. */
function line(turn = new Turn()): Line & { readonly done: string[]; full: boolean; drain: () => void } {
  const waiting: (() => void)[] = [];
  const made = {
    done: [] as string[],
    full: false,
    drain: () => waiting.splice(0).forEach((sent) => sent()),
    turn,
    connection: { cork: () => void made.done.push('cork'), uncork: () => void made.done.push('uncork') },
    webSocket: {
      OPEN: 1 as const,
      readyState: 1 as const,
      get bufferedAmount() {
        return made.full ? limits.socketHighWater : 0;
      },
      send: (data: Buffer, _options: unknown, sent?: () => void) => {
        made.done.push(String(JSON.parse(data.toString()).type));
        if (sent) waiting.push(sent);
      },
      close: (code: number) => void made.done.push(`close ${code}`),
      terminate: () => undefined,
    },
  };
  return made;
}

function watching(feed: EventFeed): { watcher: Watcher; watch: Parameters<typeof pump>[1] } {
  const watcher = feed.join('page');
  return { watcher, watch: { clientId: 'page', frames: (settled) => watcher.mailbox.frames(settled), get closed() { return watcher.mailbox.closed; } } };
}

const { log } = memoryLog();
const turnsGoBy = (): Promise<void> => new Promise((resolve) => setImmediate(resolve));

describe('a pump', () => {
  test('sends in one go what comes within one turn of the event loop', async () => {
    const feed = new EventFeed();
    feed.open('p', 'page');
    const [{ watcher, watch }, out] = [watching(feed), line()];
    const over = pump(out, watch, log);
    await turnsGoBy();
    feed.state('p', 'execution_start', {});
    await Promise.resolve();
    feed.state('p', 'executing', {});
    await turnsGoBy();
    feed.state('p', 'executed', {});
    await turnsGoBy();
    expect(out.done).toEqual(['cork', 'execution_start', 'executing', 'uncork', 'cork', 'executed', 'uncork']);
    watcher.mailbox.close(1001, 'over');
    await over;
    expect(out.done.at(-1)).toBe('close 1001');
  });

  test('leaves in the mailbox what a full socket cannot take, and goes on when it has drained', async () => {
    const feed = new EventFeed();
    feed.open('p', 'page');
    const [{ watcher, watch }, out] = [watching(feed), line()];
    out.full = true;
    const over = pump(out, watch, log);
    await turnsGoBy();
    feed.state('p', 'first', {});
    await turnsGoBy();
    feed.state('p', 'second', {});
    await turnsGoBy();
    expect([out.done, watcher.mailbox.bytes > 0]).toEqual([['cork', 'first', 'uncork'], true]);
    out.full = false;
    out.drain();
    await turnsGoBy();
    expect([out.done.at(-2), watcher.mailbox.bytes]).toEqual(['second', 0]);
    watcher.mailbox.close(1001, 'over');
    await over;
  });
});

test('pumps that ask for the end of the same turn share it', async () => {
  const turn = new Turn();
  const first = turn.end();
  expect(turn.end()).toBe(first);
  await first;
  expect(turn.end()).not.toBe(first);
});
