import { beforeEach, describe, expect, test } from 'vitest';
import { containing } from '../../../tests/support/matchers.ts';
import { instanceOf } from '../../molecules/instance-pool/address.ts';
import { InstancePool } from '../../molecules/instance-pool/pool.ts';
import { InstanceChoice } from './instance-choice.ts';

const never = new AbortController().signal;
const [one, two] = ['http://one:1', 'http://two:2'].map(instanceOf);
let pool: InstancePool;
let choice: InstanceChoice;

beforeEach(() => {
  pool = new InstancePool([one, two].flatMap((instance) => instance ?? []));
  choice = new InstanceChoice({ pool, now: () => 0 });
});

const connect = (name: string): void => pool.connected(name, { at: 0, sandbox: false, version: undefined });
const refusal = (told: string): object => ({ code: 'CONNECTION_ERROR', message: containing(told) });

describe('the choice of an instance', () => {
  test('waits a moment for one that the prompt may go to, not for another', async () => {
    const arrival = choice.arrival({ only: ['two:2'] }, never);
    connect('two:2');
    await arrival;
    await expect(choice.arrival({ only: ['one:1'] }, never)).rejects.toMatchObject(refusal('(one:1)'));
    await expect(choice.arrival({ pinned: one }, never)).rejects.toMatchObject(refusal('(it needs one:1)'));
  });

  test('is refused at once when what the prompt needs lies where it may not go', async () => {
    connect('one:1');
    await expect(choice.arrival({ pinned: one, only: ['two:2'] }, AbortSignal.timeout(1_000))).rejects.toMatchObject(refusal('(it needs one:1, and may go to two:2 only)'));
  });

  test('is the one that has what the prompt needs, and no other after it', () => {
    [one, two].forEach((instance) => connect(instance?.name ?? ''));
    expect(choice.first({ pinned: one, avoid: ['one:1'] })).toBe(one);
    expect(choice.next({ pinned: one }, new Set(['one:1']))).toBeUndefined();
  });

  test('goes on among those that the prompt may go to, until all were tried', () => {
    [one, two].forEach((instance) => connect(instance?.name ?? ''));
    expect(choice.first({ avoid: ['one:1'] })).toBe(two);
    expect(choice.next({ avoid: ['one:1'] }, new Set(['two:2']))).toBe(one);
    expect(choice.next({ only: ['two:2'] }, new Set(['two:2']))).toBeUndefined();
    expect(() => choice.first({ only: ['three:3'] })).toThrow('three:3');
  });

  test('is given up when the caller gives up', async () => {
    await expect(choice.arrival({}, AbortSignal.abort(new TypeError('gone')))).rejects.toThrow('gone');
  });
});
