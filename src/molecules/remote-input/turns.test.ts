import { expect, it } from 'vitest';
import { limits } from '../../constants/limits.ts';
import { Turns } from './turns.ts';

const never = new AbortController().signal;

it('a deed that waits leaves with its signal, and never begins', async () => {
  const turns = new Turns(1);
  const first = Promise.withResolvers<string>();
  const running = turns.take(() => first.promise, never);
  const stop = new AbortController();
  let begun = false;
  const waiting = turns.take(async () => void (begun = true), stop.signal);
  stop.abort(new TypeError('enough'));
  await expect(waiting).rejects.toThrow('enough');
  first.resolve('done');
  expect(await running).toBe('done');
  expect([await turns.take(async () => 'next', never), begun]).toEqual(['next', false]);
});

it('a deed that runs is waited for although its signal fires', async () => {
  const turns = new Turns(1);
  const stop = new AbortController();
  const deed = Promise.withResolvers<string>();
  const begun = Promise.withResolvers<undefined>();
  const running = turns.take(() => { begun.resolve(undefined); return deed.promise; }, stop.signal);
  await begun.promise;
  stop.abort();
  deed.resolve('done');
  expect(await running).toBe('done');
});

it('a line that is full takes nobody more', async () => {
  const turns = new Turns(1);
  const first = Promise.withResolvers<undefined>();
  const all = Array.from({ length: limits.downloadsWaiting + 1 }, () => turns.take(() => first.promise, never));
  await expect(turns.take(async () => undefined, never)).rejects.toMatchObject({ code: 'QUEUE_FULL', status: 503, retryAfter: 5 });
  first.resolve(undefined);
  expect((await Promise.all(all)).length).toBe(limits.downloadsWaiting + 1);
});
