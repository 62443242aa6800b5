import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { GroupCommit } from './group-commit.ts';
import { openRecords } from './open.ts';
import type { Records } from './schema.ts';

describe('writes that share a commit', () => {
  let db: Records;
  let commits: GroupCommit;
  beforeEach(async () => {
    db = await openRecords(':memory:', AbortSignal.timeout(10_000));
    commits = new GroupCommit(db);
  });
  afterEach(() => db.destroy());

  const turn = (owner: string) => ({ engine: 'e', owner, turn: 1 });
  const owners = async () => (await db.selectFrom('task_turns').select('owner').orderBy('owner').execute()).map(({ owner }) => owner);
  const insert = (owner: string) => commits.write((step) => step.insertInto('task_turns').values(turn(owner)).execute().then(() => owner));

  it('are all there, each with its own answer', async () => {
    const names = Array.from({ length: 100 }, (_, n) => String(n).padStart(3, '0'));
    expect(await Promise.all(names.map(insert))).toEqual(names);
    expect(await owners()).toEqual(names);
  });

  it('are committed when they resolve', async () => {
    const first = insert('a');
    const seen = insert('b').then(owners);
    await first;
    expect(await seen).toEqual(['a', 'b']);
  });

  it('share a transaction, in which one that fails takes no other along', async () => {
    let runs = 0;
    const counted = (owner: string) => commits.write(async (step) => {
      runs += 1;
      await step.insertInto('task_turns').values(turn(owner)).execute();
    });
    const told = await Promise.allSettled([counted('alone'), counted('a'), counted('a'), counted('b')]);
    expect(told.map(({ status }) => status)).toEqual(['fulfilled', 'fulfilled', 'rejected', 'fulfilled']);
    expect(told[2]).toMatchObject({ reason: { message: expect.stringMatching(/UNIQUE/) } });
    expect(await owners()).toEqual(['a', 'alone', 'b']);
    expect(runs).toBe(6);
  });

  it('fail together when the database is closed', async () => {
    await db.destroy();
    const told = await Promise.allSettled(['a', 'b', 'c'].map(insert));
    expect(told.map(({ status }) => status)).toEqual(['rejected', 'rejected', 'rejected']);
    db = await openRecords(':memory:', AbortSignal.timeout(10_000));
  });

  it('go on after a failure', async () => {
    await insert('a');
    await expect(insert('a')).rejects.toThrow(/UNIQUE/);
    expect(await insert('b')).toBe('b');
    expect(await owners()).toEqual(['a', 'b']);
  });
});
