import { describe, expect, it } from 'vitest';
import { BodyRoom, type BodyRoomSize, type Share } from './body-room.ts';

const MB = 1024 * 1024;
const patient = new AbortController().signal;
const roomOf = (size: Partial<BodyRoomSize> = {}): BodyRoom => new BodyRoom({ bytes: 10 * MB, bytesPerKey: 6 * MB, waiting: 4, waitingPerKey: 3, patience: 60_000, ...size });

/** A share that wants as much, and whether it has it by now. */
function wanting(room: BodyRoom, key: string, bytes: number, signal = patient): { share: Share; entered: Promise<void>; isIn: () => Promise<boolean> } {
  const share = room.open(key);
  const entered = share.grow(bytes, signal);
  entered.catch(() => undefined);
  const isIn = (): Promise<boolean> => Promise.race([entered.then(() => true), new Promise<false>((resolve) => setImmediate(() => resolve(false)))]);
  return { share, entered, isIn };
}

describe('the room for bodies', () => {
  it('takes as much at once as it has, and the next when one is done', async () => {
    const room = roomOf();
    const [a, b, c] = [wanting(room, 'a', 5 * MB), wanting(room, 'b', 5 * MB), wanting(room, 'c', 1 * MB)];
    expect([await a.isIn(), await b.isIn(), await c.isIn()]).toEqual([true, true, false]);
    a.share.release();
    expect([await c.isIn(), c.share.held]).toEqual([true, MB]);
  });

  it('gives a key its share, and the others are not held up by those who wait for it', async () => {
    const room = roomOf();
    const [first, second, other] = [wanting(room, 'a', 4 * MB), wanting(room, 'a', 4 * MB), wanting(room, 'b', 4 * MB)];
    expect([await first.isIn(), await second.isIn(), await other.isIn()]).toEqual([true, false, true]);
    other.share.release();
    expect(await second.isIn()).toBe(false);
    first.share.release();
    expect(await second.isIn()).toBe(true);
  });

  it('keeps the order of arrival: a large one is not overtaken for ever, but by small ones', async () => {
    const room = roomOf();
    const held = [wanting(room, 'a', 4 * MB), wanting(room, 'b', 4 * MB)];
    const large = wanting(room, 'c', 5 * MB);
    const middle = wanting(room, 'd', 1 * MB);
    const small = wanting(room, 'e', 1_000);
    expect([await large.isIn(), await middle.isIn(), await small.isIn()]).toEqual([false, false, true]);
    held[0]?.share.release();
    expect([await large.isIn(), await middle.isIn()]).toEqual([true, false]);
  });

  it('lets small ones in beside giants that fill it, up to a quarter more', async () => {
    const room = roomOf({ bytes: 400_000, bytesPerKey: 200_000, waiting: 99, waitingPerKey: 99 });
    const giants = [wanting(room, 'a', 200_000), wanting(room, 'b', 200_000)];
    const small = ['a', 'b', 'c', 'd', 'a', 'e', 'f'].map((key) => wanting(room, key, 25_000));
    expect(await Promise.all([...giants, ...small].map((one) => one.isIn()))).toEqual([true, true, true, true, true, true, false, false, false]);
  });

  it('takes one that is larger than the room when it is alone', async () => {
    const room = roomOf();
    const before = wanting(room, 'a', 1 * MB);
    const giant = wanting(room, 'b', 100 * MB);
    expect(await giant.isIn()).toBe(false);
    before.share.release();
    expect(await giant.isIn()).toBe(true);
    const after = wanting(room, 'c', 1 * MB);
    expect(await after.isIn()).toBe(false);
    giant.share.release();
    expect(await after.isIn()).toBe(true);
  });

  it('grows a share, and gives all of it back once', async () => {
    const room = roomOf();
    const one = wanting(room, 'a', 2 * MB);
    await one.share.grow(4 * MB, patient);
    expect(one.share.held).toBe(6 * MB);
    one.share.release();
    one.share.release();
    const all = [wanting(room, 'a', 5 * MB), wanting(room, 'b', 5 * MB)];
    expect([await all[0]?.isIn(), await all[1]?.isIn(), await wanting(room, 'c', MB).isIn()]).toEqual([true, true, false]);
  });

  it('refuses with 503 and a time to come again who waited too long, and lets the next one in', async () => {
    const room = roomOf({ patience: 30 });
    await room.open('a').grow(6 * MB, patient);
    const late = wanting(room, 'b', 6 * MB);
    await expect(late.entered).rejects.toMatchObject({ code: 'QUEUE_FULL', status: 503, retryAfter: 2, retryable: true });
    expect(await wanting(room, 'b', 4 * MB).isIn()).toBe(true);
  });

  it('refuses at once when too many wait, of all or of one key', async () => {
    const room = roomOf();
    await room.open('a').grow(6 * MB, patient);
    const waiting = ['a', 'a', 'a'].map((key) => wanting(room, key, 5 * MB));
    await expect(wanting(room, 'a', 5 * MB).entered).rejects.toMatchObject({ code: 'QUEUE_FULL', status: 503 });
    expect(await waiting[0]?.isIn()).toBe(false);
    wanting(room, 'b', 5 * MB);
    await expect(wanting(room, 'c', 5 * MB).entered).rejects.toMatchObject({ code: 'QUEUE_FULL', status: 503 });
  });

  it('forgets who went away while waiting', async () => {
    const room = roomOf();
    const held = wanting(room, 'a', 6 * MB);
    const gone = new AbortController();
    const left = wanting(room, 'b', 6 * MB, gone.signal);
    const next = wanting(room, 'c', 4 * MB);
    expect(await next.isIn()).toBe(false);
    gone.abort(new TypeError('gone'));
    await expect(left.entered).rejects.toThrow('gone');
    expect(await next.isIn()).toBe(true);
    held.share.release();
    next.share.release();
    expect(await wanting(room, 'd', 100 * MB).isIn()).toBe(true);
  });

  it('holds nothing for a share that was given back while it waited', async () => {
    const room = roomOf();
    const held = wanting(room, 'a', 6 * MB);
    const given = wanting(room, 'b', 6 * MB);
    given.share.release();
    held.share.release();
    await given.entered;
    expect([given.share.held, await wanting(room, 'c', 100 * MB).isIn()]).toEqual([0, true]);
  });
});

describe('a turn', () => {
  it('is one after the other for large bodies, with a round of the event loop in between', async () => {
    const room = roomOf();
    const said: string[] = [];
    const turns = ['a', 'b', 'c'].map((name) => room.turn(MB, () => void said.push(name)));
    setImmediate(() => {
      said.push('others');
      setImmediate(() => said.push('others'));
    });
    await Promise.all(turns);
    expect(said.indexOf('b')).toBeGreaterThan(said.indexOf('others'));
    expect(said.indexOf('c')).toBeGreaterThan(said.lastIndexOf('others'));
  });

  it('passes on what the work throws, and the next has its turn', async () => {
    const room = roomOf();
    const bad = room.turn(MB, () => {
      throw new TypeError('broken');
    });
    const good = room.turn(MB, () => 'fine');
    await expect(bad).rejects.toThrow('broken');
    expect(await good).toBe('fine');
  });

  it('of a small body is at once', async () => {
    const room = roomOf();
    let done = false;
    void room.turn(1_000, () => (done = true));
    expect(done).toBe(true);
  });
});
