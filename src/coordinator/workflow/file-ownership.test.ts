import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import type { FileRef } from '../../models/file.ts';
import { fileName, pathName } from '../../molecules/graph/names.ts';
import { SqlInputRecords } from '../../molecules/records/input-records.ts';
import { openRecords } from '../../molecules/records/open.ts';
import { SqlPromptRecords } from '../../molecules/records/prompt-records.ts';
import type { Records } from '../../molecules/records/schema.ts';
import { FileOwnership } from './file-ownership.ts';

const picture: FileRef = { filename: 'a.png', subfolder: 'x', type: 'output' };
const ann = { key: 'ann', admin: false };
const admin = { key: 'ops', admin: true };

let db: Records;
beforeEach(async () => {
  db = await openRecords(':memory:', AbortSignal.timeout(10_000));
});
afterEach(() => db.destroy());

const records = () => ({ prompts: new SqlPromptRecords(db, () => 1), inputs: new SqlInputRecords(db) });

/** Prompts that made the picture, in their order: key and instance. */
async function made(...runs: readonly (readonly [string, string, 'cached'?])[]): Promise<void> {
  for (const [n, [key, instance, cached]] of runs.entries()) {
    const history = cached && JSON.stringify({ status: { messages: [['execution_cached', { nodes: ['9'] }]] } });
    await records().prompts.insert({ promptId: `${n}`, key, clientId: 'c', instance, createdAt: 1, process: 'me' });
    await records().prompts.finish(`${n}`, { state: 'completed', startedAt: 1, endedAt: 1_000 + n, detail: '{}', history, outputs: [{ ...picture, nodeId: '9', kind: 'image' }] });
  }
}

async function standing(caller = ann, value = 'x/a.png [output]'): Promise<unknown> {
  const reference = { ref: fileName(value).ref, value };
  return (await FileOwnership.of(records(), caller, { references: [reference], paths: [] })).ofReference(reference);
}

describe('an output that a workflow reads', () => {
  it('is the caller’s on the instance where it was written last', async () => {
    await made(['ann', 'one'], ['ann', 'two']);
    expect(await standing()).toEqual({ kind: 'pin', instance: 'two' });
  });

  it('is judged on each instance for itself', async () => {
    await made(['ann', 'one'], ['ann', 'two'], ['bob', 'two'], ['bob', 'three']);
    expect(await standing()).toEqual({ kind: 'pin', instance: 'one' });
    expect(await standing({ key: 'bob', admin: false })).toEqual({ kind: 'pin', instance: 'three' });
    expect(await standing({ key: 'eve', admin: false })).toEqual({ kind: 'refused' });
    expect(await standing(admin)).toEqual({ kind: 'pin', instance: 'three' });
  });

  it('stays the caller’s when another key had it out of the cache, and becomes that one’s too', async () => {
    await made(['ann', 'one'], ['bob', 'one', 'cached']);
    expect([await standing(), await standing({ key: 'bob', admin: false })]).toEqual([{ kind: 'pin', instance: 'one' }, { kind: 'pin', instance: 'one' }]);
  });

  it('is not the caller’s out of the cache where another key has written over it', async () => {
    await made(['ann', 'one'], ['bob', 'one'], ['ann', 'one', 'cached']);
    expect(await standing()).toEqual({ kind: 'refused' });
  });
});

it('many names of one workflow are judged in few questions', async () => {
  await made(['bob', 'one']);
  let questions = 0;
  const counted = db.withPlugin({ transformQuery: ({ node }) => { questions += 1; return node; }, transformResult: async ({ result }) => result });
  const many = { prompts: new SqlPromptRecords(counted, () => 1), inputs: new SqlInputRecords(counted) };
  const paths = Array.from({ length: 250 }, (_, n) => pathName(`a/b/c/d/e/f/g/h/i${n}.png`)).concat([pathName('somewhere/x/a.png')]).filter((path) => path !== undefined);
  const ownership = await FileOwnership.of(many, ann, { references: [], paths });
  expect(paths.map((path) => ownership.ofPath(path).kind)).toEqual([...Array.from({ length: 250 }, () => 'as-is'), 'refused']);
  expect(questions).toBeLessThan(10);
});
