import { sql } from 'kysely';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { gone } from '../../../tests/support/scripted-task-engine.ts';
import { TaskWorld } from '../../../tests/support/task-world.ts';
import { until } from '../../../tests/support/until.ts';
import type { DueDelivery } from '../../models/delivery-store.ts';
import type { Delivery } from '../../models/task.ts';
import { SqlDeliveryStore } from '../../molecules/records/delivery-records.ts';
import type { Sent } from '../../molecules/webhooks/webhooks.ts';
import { Outbox } from './outbox.ts';

let world: TaskWorld;
let deliveries: SqlDeliveryStore;
let stop: AbortController;
let running: Promise<void>;
let sent: DueDelivery[];

beforeEach(async () => {
  world = await TaskWorld.open();
  [deliveries, stop, sent] = [new SqlDeliveryStore(world.db), new AbortController(), []];
});
afterEach(async () => {
  stop.abort();
  await running;
  await world[Symbol.asyncDispose]();
});

const taken: Sent = { kind: 'delivered', status: 200 };

function start(send: (delivery: DueDelivery, signal: AbortSignal) => Promise<Sent> = () => Promise.resolve(taken)): Outbox {
  const noting = (delivery: DueDelivery, signal: AbortSignal): Promise<Sent> => {
    sent.push(delivery);
    return send(delivery, signal);
  };
  const outbox = new Outbox({ deliveries, webhooks: { send: noting }, log: world.parts.log, held: 60_000, now: world.clock.now, sleep: world.clock.sleep });
  running = outbox.run(stop.signal);
  return outbox;
}

const hook = async (host = 'one.example', owner = 'ann'): Promise<string> => (await world.accept({ owner, webhook: { url: `https://${host}/hook`, events: ['queued'] } })).id;
const onlyOne = async (id: string): Promise<Delivery | undefined> => (await deliveries.list(id))[0];
const to = (host: string): number => sent.filter(({ url }) => url.includes(host)).length;

describe('a delivery', () => {
  it('is made once, and told to be made', async () => {
    const id = await hook();
    start();
    await until('it is delivered', async () => (await onlyOne(id))?.status === 'delivered');
    expect(await onlyOne(id)).toMatchObject({ attempts: 1, last_status: 200 });
    expect(sent).toHaveLength(1);
  });

  it('that was not taken is made again when its time comes', async () => {
    const id = await hook();
    start(() => Promise.resolve(sent.length === 1 ? { kind: 'failed', status: 503, error: 'answered 503', nextAt: world.clock.at + 5_000 } : taken));
    await until('it is delivered', async () => (await onlyOne(id))?.status === 'delivered');
    expect(await onlyOne(id)).toMatchObject({ attempts: 2 });
    expect(world.clock.at).toBeGreaterThanOrEqual(6_000);
    expect(sent.map(({ messageId }) => messageId)).toEqual([sent[0]?.messageId, sent[0]?.messageId]);
  });

  it('whose receiver is gone for good is given up', async () => {
    const id = await hook();
    start(() => Promise.resolve({ kind: 'failed', status: 410, error: 'answered 410', nextAt: undefined }));
    await until('it is given up', async () => (await onlyOne(id))?.status === 'failed');
    world.clock.at += 1_000_000;
    await until('it looked again', () => world.clock.sleeps.length > 20);
    expect(sent).toHaveLength(1);
    expect(await onlyOne(id)).toMatchObject({ last_status: 410, last_error: 'answered 410' });
  });

  it('is begun at once when it is told of', async () => {
    const outbox = new Outbox({ deliveries, webhooks: { send: (delivery) => Promise.resolve(taken).finally(() => sent.push(delivery)) }, log: world.parts.log, held: 60_000, now: world.clock.now, sleep: (_, signal) => gone(signal) });
    running = outbox.run(stop.signal);
    await hook();
    outbox.wake();
    await until('it is made', () => sent.length === 1);
  });

  it('of which nobody could write what became of it is made again', async () => {
    const id = await hook();
    await sql`create trigger full_disk before update on deliveries when new.status = 'delivered' begin select raise(abort, 'database or disk is full'); end`.execute(world.db);
    start(async () => {
      if (sent.length === 2) await sql`drop trigger full_disk`.execute(world.db);
      return taken;
    });
    await until('it is delivered', async () => (await onlyOne(id))?.status === 'delivered');
    expect(sent).toHaveLength(2);
    expect(world.lines).toContainEqual(expect.objectContaining({ level: 'error', message: 'what became of a webhook could not be written; it is made again' }));
  });
});

describe('a receiver that is slow', () => {
  it('has no more than a few deliveries under way, and holds nobody else up', async () => {
    for (let n = 0; n < 60; n += 1) await hook('slow.example');
    for (let n = 0; n < 40; n += 1) await hook('quick.example');
    start((delivery, signal) => (delivery.url.includes('slow') ? gone(signal) : Promise.resolve(taken)));
    await until('the quick one has all of its', () => to('quick') === 40);
    expect(to('slow')).toBe(8);
  });

  it('gets the others when it has taken those', async () => {
    for (let n = 0; n < 30; n += 1) await hook('slow.example');
    start(() => new Promise((resolve) => setImmediate(() => resolve(taken))));
    await until('it has all of them', () => sent.length >= 30);
    expect(new Set(sent.map(({ messageId }) => messageId)).size).toBe(30);
    expect(Math.max(...sent.map(({ attempts }) => attempts))).toBe(0);
  });
});

describe('a key whose receivers hang', () => {
  const hangs = (delivery: DueDelivery, signal: AbortSignal): Promise<Sent> => (delivery.url.includes('hung') ? gone(signal) : Promise.resolve(taken));

  it.each([[1, 8], [4, 16]])('of which there are %i has no more than %i deliveries under way', async (hosts, most) => {
    for (let n = 0; n < 120; n += 1) await hook(`hung${n % hosts}.example`);
    start(hangs);
    await until('it has all that it may', () => sent.length === most);
    const looks = world.clock.sleeps.length;
    await until('it looked again', () => world.clock.sleeps.length > looks + 5);
    expect(sent).toHaveLength(most);
  });

  it('holds no other key up, however many wait before it', async () => {
    for (let n = 0; n < 400; n += 1) await hook(`hung${n % 4}.example`, 'ann');
    await hook('well.example', 'bob');
    let slept = Infinity;
    start((delivery, signal) => {
      if (delivery.owner === 'bob') slept = world.clock.sleeps.length;
      return hangs(delivery, signal);
    });
    await until('the other is told', () => to('well') === 1);
    expect(slept).toBe(0);
  });

  it('holds no other key up at a receiver that both have', async () => {
    for (let n = 0; n < 400; n += 1) await hook('both.example', 'ann');
    for (let n = 0; n < 20; n += 1) await hook('both.example', 'bob');
    start((delivery, signal) => (delivery.owner === 'ann' ? gone(signal) : Promise.resolve(taken)));
    await until('the other is told', () => sent.filter(({ owner }) => owner === 'bob').length === 20);
    expect(sent.filter(({ owner }) => owner === 'ann')).toHaveLength(8);
  });
});

it('more keys than there is room for have their turns', async () => {
  const owners = Array.from({ length: 80 }, (_, n) => `key${n}`);
  for (const owner of owners) for (let n = 0; n < 5; n += 1) await hook(`${owner}.example`, owner);
  start(() => new Promise((resolve) => setImmediate(() => resolve(taken))));
  await until('each has all', () => sent.length === 400);
  expect(Math.max(...owners.map((owner) => sent.findIndex((one) => one.owner === owner)))).toBeLessThan(300);
});

it('a key with much to tell does not keep one with little waiting', async () => {
  for (let n = 0; n < 300; n += 1) await hook(`quick${n % 4}.example`, 'ann');
  await hook('well.example', 'bob');
  start(() => new Promise((resolve) => setImmediate(() => resolve(taken))));
  await until('the other is told', () => to('well') === 1);
  expect(sent.findIndex(({ owner }) => owner === 'bob')).toBeLessThan(20);
});

describe('the end of the process', () => {
  it('leaves what was under way due for the next one, as if it had not been tried', async () => {
    const id = await hook();
    start((_, signal) => gone(signal));
    await until('it is under way', () => sent.length === 1);
    stop.abort();
    await running;
    expect(await onlyOne(id)).toMatchObject({ status: 'pending', attempts: 0 });
    expect(await deliveries.due('ann', { now: world.clock.at, heldUntil: world.clock.at }, 10)).toHaveLength(1);
  });

  it('keeps what was taken at the last moment', async () => {
    const id = await hook();
    start(() => {
      stop.abort();
      return Promise.resolve(taken);
    });
    await running;
    expect(await onlyOne(id)).toMatchObject({ status: 'delivered' });
  });
});
