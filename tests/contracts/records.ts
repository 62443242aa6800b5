import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import type { FileRef } from '../../src/models/file.ts';
import type { InputRecord, PromptEnding } from '../../src/models/records.ts';
import { SqlInputRecords } from '../../src/molecules/records/input-records.ts';
import { SqlProcessRecords } from '../../src/molecules/records/process-records.ts';
import { SqlPromptRecords } from '../../src/molecules/records/prompt-records.ts';
import type { Records } from '../../src/molecules/records/schema.ts';

const promptOf = (promptId: string, key = 'ann', createdAt = 1_000) => ({ promptId, key, clientId: 'client', instance: 'one:8188', createdAt, process: 'me' });
const picture: FileRef = { filename: 'ComfyUI_00001_.png', subfolder: '', type: 'output' };
const endingOf = (over: Partial<PromptEnding> = {}): PromptEnding => ({
  state: 'completed',
  startedAt: 1_500,
  endedAt: 2_000,
  detail: '{}',
  history: '{"outputs":{"9":18446744073709551615}}',
  outputs: [{ ...picture, nodeId: '9', kind: 'image' }],
  ...over,
});
const inputOf = (over: Partial<InputRecord> = {}): InputRecord => ({
  key: 'ann',
  type: 'input',
  subfolder: '',
  name: 'face.png',
  upstreamName: 'aaaa.png',
  upstreamSubfolder: '',
  hash: 'aa',
  size: 3,
  mediaType: 'image/png',
  path: 'ann/aa/face.png',
  createdAt: 1_000,
  ...over,
});

/** What every database behind the records must do. `makeDb` gives an empty one with its tables; it is destroyed after each test. */
export function recordsContract(makeDb: () => Promise<Records>): void {
  let db: Records;
  beforeEach(async () => {
    db = await makeDb();
  });
  afterEach(async () => {
    await db.destroy();
  });

  describe('prompts', () => {
    const prompts = () => new SqlPromptRecords(db, () => 1_700);

    it('claims an id once, whoever asks', async () => {
      expect(await prompts().insert(promptOf('p'))).toBe(true);
      expect(await prompts().insert(promptOf('p', 'bob'))).toBe(false);
      expect(await prompts().find('p')).toEqual({ ...promptOf('p'), state: 'submitted', startedAt: undefined, endedAt: undefined, stopRequestedAt: undefined, acceptedAt: undefined, unansweredAt: undefined, taskId: undefined, detail: undefined });
    });

    it('gives the id to exactly one of many who claim it at the same time', async () => {
      const claims = await Promise.all(Array.from({ length: 20 }, (_, n) => prompts().insert(promptOf('p', `key${n}`))));
      expect(claims.filter(Boolean)).toHaveLength(1);
    });

    it('knows nothing of an id nobody used', async () => {
      expect(await prompts().find('p')).toBeUndefined();
      expect(await prompts().history('p')).toBeUndefined();
      expect(await prompts().outputs('p')).toEqual([]);
      expect(await prompts().finish('p', endingOf())).toBe(false);
    });

    it('moves a prompt and frees the id of a refused one', async () => {
      await prompts().insert(promptOf('p'));
      await prompts().move('p', 'two:8188');
      expect((await prompts().find('p'))?.instance).toBe('two:8188');
      await prompts().drop('p');
      expect(await prompts().find('p')).toBeUndefined();
      expect(await prompts().insert(promptOf('p', 'bob'))).toBe(true);
    });

    it('does not drop a prompt that has ended', async () => {
      await prompts().insert(promptOf('p'));
      await prompts().finish('p', endingOf());
      await prompts().drop('p');
      expect((await prompts().find('p'))?.state).toBe('completed');
    });

    it('keeps when a stop was first asked for, and only for prompts that run', async () => {
      await prompts().insert(promptOf('p'));
      await prompts().insert(promptOf('done'));
      await prompts().finish('done', endingOf());
      await prompts().requestStop(['p', 'done', 'unknown']);
      await new SqlPromptRecords(db, () => 9_000).requestStop(['p']);
      expect((await prompts().find('p'))?.stopRequestedAt).toBe(1_700);
      expect((await prompts().find('done'))?.stopRequestedAt).toBeUndefined();
      await prompts().requestStop([]);
    });

    it('says which prompts are asked to stop for the first time, and leaves them alone again', async () => {
      for (const id of ['p', 'q']) await prompts().insert(promptOf(id));
      expect(await prompts().requestStop(['p', 'unknown'])).toEqual(['p']);
      expect(await prompts().requestStop(['p', 'q'])).toEqual(['q']);
      await prompts().withdrawStop(['q']);
      expect([(await prompts().find('p'))?.stopRequestedAt, (await prompts().find('q'))?.stopRequestedAt]).toEqual([1_700, undefined]);
      await prompts().finish('p', endingOf({ state: 'interrupted' }));
      await prompts().withdrawStop(['p']);
      expect((await prompts().find('p'))?.stopRequestedAt).toBe(1_700);
    });

    it('keeps which process follows a prompt, and of which task it is a run', async () => {
      await prompts().insert({ ...promptOf('p'), process: 'other', taskId: 't' });
      expect(await prompts().find('p')).toMatchObject({ process: 'other', taskId: 't' });
      await prompts().finish('p', endingOf());
      expect(await prompts().find('p')).toMatchObject({ process: 'other', taskId: 't' });
    });

    it('keeps when an instance had the prompt first, and tells whether somebody wants to stop it', async () => {
      await prompts().insert(promptOf('p'));
      expect(await prompts().accepted('p', 1_100)).toBeUndefined();
      await prompts().requestStop(['p']);
      expect(await prompts().accepted('p', 1_200)).toBe(1_700);
      expect((await prompts().find('p'))?.acceptedAt).toBe(1_100);
      expect(await prompts().accepted('unknown', 1)).toBeUndefined();
      await prompts().finish('p', endingOf());
      expect(await prompts().find('p')).toMatchObject({ acceptedAt: 1_100, state: 'completed' });
    });

    it('takes in that a prompt was accepted also when it has ended before', async () => {
      await prompts().insert(promptOf('p'));
      await Promise.all([prompts().finish('p', endingOf()), prompts().accepted('p', 1_100)]);
      expect(await prompts().find('p')).toMatchObject({ acceptedAt: 1_100, state: 'completed' });
    });

    it('keeps when a hand-over ended without an answer', async () => {
      await prompts().insert(promptOf('p'));
      await prompts().unanswered('p', 1_300);
      expect(await prompts().find('p')).toMatchObject({ unansweredAt: 1_300, acceptedAt: undefined });
    });

    it('gives the unfinished prompts of processes that are gone to another, and no others', async () => {
      for (const [id, process, at] of [['late', 'gone', 3], ['early', '', 1], ['theirs', 'living', 2], ['over', 'gone', 4]] as const) await prompts().insert({ ...promptOf(id, 'ann', at), process });
      await prompts().finish('over', endingOf());
      expect((await prompts().processes()).toSorted()).toEqual(['', 'gone', 'living']);
      const taken = await prompts().takeOver(['gone', ''], 'me');
      expect(taken.map(({ promptId, process }) => [promptId, process])).toEqual([['early', 'me'], ['late', 'me']]);
      expect([await prompts().takeOver(['gone', ''], 'other'), await prompts().takeOver(['me'], 'me'), await prompts().takeOver([], 'me')]).toEqual([[], [], []]);
      expect([(await prompts().find('theirs'))?.process, (await prompts().find('over'))?.process]).toEqual(['living', 'gone']);
      expect((await prompts().processes()).toSorted()).toEqual(['living', 'me']);
    });

    it('gives each prompt to exactly one of many who take over at the same time', async () => {
      for (let n = 0; n < 20; n += 1) await prompts().insert({ ...promptOf(`p${n}`), process: 'gone' });
      const taken = await Promise.all(Array.from({ length: 10 }, (_, n) => prompts().takeOver(['gone'], `heir${n}`)));
      expect(taken.flat().map((prompt) => prompt.promptId).toSorted()).toEqual(Array.from({ length: 20 }, (_, n) => `p${n}`).toSorted());
      for (const prompt of taken.flat()) expect((await prompts().find(prompt.promptId))?.process).toBe(prompt.process);
    });

    it('ends a prompt once, with its outputs in order and its history to the last digit', async () => {
      await prompts().insert(promptOf('p'));
      const outputs = [{ ...picture, nodeId: '9', kind: 'image' }, { ...picture, filename: 'b.png', nodeId: '10', kind: 'image' }, { ...picture, nodeId: '11', kind: 'image' }];
      expect(await prompts().finish('p', endingOf({ outputs }))).toBe(true);
      expect(await prompts().finish('p', endingOf({ state: 'failed', outputs: [] }))).toBe(false);
      expect(await prompts().find('p')).toMatchObject({ state: 'completed', startedAt: 1_500, endedAt: 2_000, detail: '{}' });
      expect(await prompts().outputs('p')).toEqual(outputs.map((output) => ({ promptId: 'p', ...output })));
      expect(await prompts().history('p')).toBe('{"outputs":{"9":18446744073709551615}}');
    });

    it('lets exactly one of many ends happen', async () => {
      await prompts().insert(promptOf('p'));
      const ends = await Promise.all((['completed', 'failed', 'interrupted'] as const).map((state) => prompts().finish('p', endingOf({ state }))));
      expect(ends.filter(Boolean)).toHaveLength(1);
      expect(await prompts().outputs('p')).toHaveLength(1);
    });

    it('ends nothing when an output cannot be written', async () => {
      await prompts().insert(promptOf('p'));
      await db.schema.dropTable('outputs').execute();
      await expect(prompts().finish('p', endingOf())).rejects.toMatchObject({ code: 'INTERNAL_ERROR', message: expect.stringContaining('could not record the end of a prompt') });
      expect((await prompts().find('p'))?.state).toBe('submitted');
    });

    it('ends a prompt with thousands of outputs', async () => {
      await prompts().insert(promptOf('p'));
      const outputs = Array.from({ length: 4_000 }, (_, n) => ({ ...picture, filename: `${n}.png`, nodeId: '9', kind: 'image' }));
      await prompts().finish('p', endingOf({ outputs }));
      expect((await prompts().outputs('p')).map((output) => output.filename)).toEqual(outputs.map((output) => output.filename));
    });

    it('finds an output of one prompt with its owner and instance', async () => {
      await prompts().insert(promptOf('p'));
      await prompts().finish('p', endingOf());
      expect(await prompts().findOutput('p', picture)).toEqual({ ...picture, promptId: 'p', nodeId: '9', kind: 'image', key: 'ann', instance: 'one:8188' });
      expect(await prompts().findOutput('p', { ...picture, type: 'temp' })).toBeUndefined();
      expect(await prompts().findOutput('p', { ...picture, subfolder: 'a' })).toBeUndefined();
      expect(await prompts().findOutput('q', picture)).toBeUndefined();
    });

    it('finds the newest output of a name: per key, or of anybody', async () => {
      for (const [id, key, endedAt] of [['a', 'ann', 3_000], ['b', 'bob', 5_000], ['c', 'ann', 4_000], ['d', 'ann', 2_000]] as const) {
        await prompts().insert(promptOf(id, key));
        await prompts().finish(id, endingOf({ endedAt }));
      }
      expect((await prompts().newestOutput('ann', picture))?.promptId).toBe('c');
      expect((await prompts().newestOutput('bob', picture))?.promptId).toBe('b');
      expect((await prompts().newestOutput(undefined, picture))?.promptId).toBe('b');
      expect(await prompts().newestOutput('eve', picture)).toBeUndefined();
    });

    /** Runs that named the picture, in their order: `a@one`, or `a@one cached` where ComfyUI ran no node. */
    async function ran(...runs: readonly `${string}@${string}`[]): Promise<void> {
      for (const [n, run] of runs.entries()) {
        const [, key = '', instance = '', cached] = /^(\w+)@(\w+)( cached)?$/.exec(run) ?? [];
        await prompts().insert({ ...promptOf(`${n + 1}`, key), instance });
        const history = JSON.stringify({ status: { messages: [['execution_start', {}], ['execution_cached', { nodes: cached ? ['4', '9'] : ['4'] }]] } });
        await prompts().finish(`${n + 1}`, endingOf({ endedAt: 2_000 + n, history }));
      }
    }
    const overwritten = async (ids: string, instance = 'one') => Object.fromEntries(await Promise.all([...ids].map(async (id) => [id, await prompts().overwritten(id, instance, picture)])));

    it('tells that an output was overwritten once another prompt has written its name on that instance', async () => {
      await ran('ann@one', 'ann@one', 'bob@two', 'bob@one');
      expect(await overwritten('124')).toEqual({ '1': true, '2': true, '4': false });
      expect(await overwritten('3', 'two')).toEqual({ '3': false });
      expect(await prompts().overwritten('1', 'one', { ...picture, type: 'temp' })).toBe(false);
    });

    it('does not count runs out of the cache as writing, whoever made them', async () => {
      await ran('ann@one', 'ann@one cached', 'bob@one cached');
      expect(await overwritten('123')).toEqual({ '1': false, '2': false, '3': false });
    });

    it('gives a run out of the cache no file that another key has written over that of the run before', async () => {
      await ran('ann@one', 'bob@one', 'ann@one cached', 'bob@one cached');
      expect(await overwritten('1234')).toEqual({ '1': true, '2': false, '3': true, '4': false });
    });

    it('has nothing against an output that is not recorded yet, or whose writer nobody knows', async () => {
      await ran('ann@one cached');
      expect(await overwritten('1x')).toEqual({ '1': false, x: false });
    });

    it('tells for each instance whose prompt wrote a file last, and who had it out of the cache last', async () => {
      await ran('ann@two', 'bob@one', 'ann@one', 'bob@one cached', 'eve@two cached', 'ann@two cached');
      const places = await prompts().places([picture, { ...picture, filename: 'none.png' }, { ...picture, subfolder: 'x' }]);
      expect(places.map(({ instance, written, cached }) => [instance, written?.promptId, cached?.promptId])).toEqual([['one', '3', '4'], ['two', '1', '6']]);
      expect(places[1]).toMatchObject({ ...picture, written: { key: 'ann', endedAt: 2_000 } });
      expect(await prompts().places([])).toEqual([]);
    });

    it('finds places and names among thousands that are asked for', async () => {
      await ran('ann@one');
      const names = Array.from({ length: 1_500 }, (_, n) => `${n}.png`);
      expect(await prompts().places([...names.map((filename) => ({ ...picture, filename })), picture])).toHaveLength(1);
      expect([...(await prompts().outputNames([...names, picture.filename]))]).toEqual([picture.filename]);
      expect(await prompts().outputNames([])).toEqual(new Set());
    });

    it('lists the outputs of the prompts that ended last, newest first and no more than asked for', async () => {
      for (const [id, endedAt] of [['a', 3_000], ['b', 5_000], ['c', 4_000]] as const) {
        await prompts().insert(promptOf(id));
        await prompts().finish(id, endingOf({ endedAt, outputs: [1, 2].map((n) => ({ ...picture, filename: `${id}${n}.png`, nodeId: '9', kind: 'image' })) }));
      }
      await prompts().insert(promptOf('running'));
      const names = async (limit: number) => (await prompts().newestOutputs(limit)).map((output) => output.filename);
      expect(await names(3)).toEqual(['b1.png', 'b2.png', 'c1.png']);
      expect(await names(100)).toEqual(['b1.png', 'b2.png', 'c1.png', 'c2.png', 'a1.png', 'a2.png']);
      expect((await prompts().newestOutputs(1))[0]).toMatchObject({ promptId: 'b', key: 'ann', instance: 'one:8188' });
    });

    it('leaves the outputs of tasks out of the newest ones', async () => {
      for (const [id, endedAt, taskId] of [['a', 3_000, undefined], ['b', 5_000, 't'], ['c', 4_000, 't']] as const) {
        await prompts().insert({ ...promptOf(id), taskId });
        await prompts().finish(id, endingOf({ endedAt }));
      }
      expect((await prompts().newestOutputs(1)).map((output) => output.promptId)).toEqual(['a']);
    });

    it('lists unfinished prompts, oldest first, and finds many', async () => {
      for (const [id, at] of [['late', 3], ['early', 1], ['middle', 2]] as const) await prompts().insert(promptOf(id, 'ann', at));
      await prompts().finish('middle', endingOf());
      expect((await prompts().unfinished()).map((prompt) => prompt.promptId)).toEqual(['early', 'late']);
      const many = await prompts().findMany([...Array.from({ length: 1_500 }, (_, n) => `none${n}`), 'late', 'middle']);
      expect(many.map((prompt) => prompt.promptId).toSorted()).toEqual(['late', 'middle']);
      expect(await prompts().findMany([])).toEqual([]);
    });

    it('forgets what ended before a time, with everything that belongs to it', async () => {
      for (const [id, endedAt] of [['old', 1_000], ['new', 5_000]] as const) {
        await prompts().insert(promptOf(id));
        await prompts().finish(id, endingOf({ endedAt }));
      }
      await prompts().insert(promptOf('running', 'ann', 1));
      expect(await prompts().expire(5_000)).toBe(1);
      expect(await prompts().find('old')).toBeUndefined();
      expect(await prompts().outputs('old')).toEqual([]);
      expect(await prompts().history('old')).toBeUndefined();
      expect(await prompts().outputs('new')).toHaveLength(1);
      expect(await prompts().unfinished()).toHaveLength(1);
    });

    it('forgets more than one batch', async () => {
      for (let n = 0; n < 1_100; n += 1) await prompts().insert(promptOf(`p${n}`));
      await db.updateTable('prompts').set({ ended_at: 5, state: 'failed' }).execute();
      expect(await prompts().expire(6)).toBe(1_100);
    });

    it('keeps any text as it is', async () => {
      const strange = `'; DROP TABLE prompts; -- "\\ é 🎨`;
      await prompts().insert({ ...promptOf(strange, strange), clientId: strange });
      expect(await prompts().find(strange)).toMatchObject({ promptId: strange, key: strange, clientId: strange });
    });
  });

  describe('processes', () => {
    const processes = () => new SqlProcessRecords(db);
    const one = { id: 'one', role: 'all', host: 'here', pid: 7, seenAt: 1_000 } as const;
    const two = { id: 'two', role: 'worker', host: 'there', pid: 8, seenAt: 1_100 } as const;

    it('are listed as they registered, and as they said last that they live', async () => {
      expect(await processes().all()).toEqual([]);
      await processes().beat(two);
      await processes().beat(one);
      await processes().beat({ ...one, seenAt: 3_000 });
      expect(await processes().all()).toEqual([{ ...one, seenAt: 3_000 }, two]);
    });

    it('that have left are still known for what they were, until they are forgotten', async () => {
      await processes().beat(one);
      await processes().beat(two);
      await processes().leave('two');
      await processes().leave('unknown');
      expect(await processes().all()).toEqual([one, { ...two, seenAt: 0 }]);
      await processes().forget(['two', 'unknown']);
      await processes().forget([]);
      expect(await processes().all()).toEqual([one]);
    });

    it('that were forgotten and live all the same are there again', async () => {
      await processes().beat(one);
      await processes().forget(['one']);
      await processes().beat(one);
      expect(await processes().all()).toEqual([one]);
    });
  });

  describe('uploads', () => {
    const inputs = () => new SqlInputRecords(db);

    it('keeps one mapping per key, type, subfolder and name; the newer one wins', async () => {
      await inputs().put(inputOf());
      await inputs().put(inputOf({ key: 'bob', hash: 'bb', upstreamName: 'bbbb.png' }));
      await inputs().put(inputOf({ hash: 'cc', upstreamName: 'cccc.png', createdAt: 2_000 }));
      expect(await inputs().find('ann', { filename: 'face.png', subfolder: '', type: 'input' })).toEqual(inputOf({ hash: 'cc', upstreamName: 'cccc.png', createdAt: 2_000 }));
      expect((await inputs().find('bob', { filename: 'face.png', subfolder: '', type: 'input' }))?.hash).toBe('bb');
      expect(await inputs().find('ann', { filename: 'face.png', subfolder: 'x', type: 'input' })).toBeUndefined();
      expect(await inputs().find('eve', { filename: 'face.png', subfolder: '', type: 'input' })).toBeUndefined();
    });

    it('finds many of one key by their names', async () => {
      for (const over of [{}, { name: 'b.png' }, { type: 'temp' }, { key: 'bob' }, { subfolder: 'x' }] as const) await inputs().put(inputOf(over));
      const refs = [...Array.from({ length: 1_000 }, (_, n) => `${n}.png`), 'face.png', 'b.png'].map((filename) => ({ filename, subfolder: '', type: 'input' as const }));
      expect((await inputs().findMany('ann', refs)).map(({ name, type, subfolder }) => [name, type, subfolder]).toSorted()).toEqual([['b.png', 'input', ''], ['face.png', 'input', '']]);
      expect(await inputs().findMany('ann', [])).toEqual([]);
    });

    it('lets a name be claimed that is free or stands for the same content, and no other', async () => {
      expect(await inputs().claim(inputOf())).toBe(true);
      expect(await inputs().claim(inputOf({ createdAt: 2_000 }))).toBe(true);
      expect(await inputs().claim(inputOf({ hash: 'cc', upstreamName: 'cccc.png' }))).toBe(false);
      expect(await inputs().claim(inputOf({ hash: 'cc', key: 'bob' }))).toBe(true);
      expect(await inputs().find('ann', { filename: 'face.png', subfolder: '', type: 'input' })).toEqual(inputOf({ createdAt: 2_000 }));
    });

    it('gives a name to exactly one of many contents that claim it at the same time', async () => {
      const claims = await Promise.all(Array.from({ length: 20 }, (_, n) => inputs().claim(inputOf({ hash: `h${n}` }))));
      expect(claims.filter(Boolean)).toHaveLength(1);
      expect((await inputs().find('ann', { filename: 'face.png', subfolder: '', type: 'input' }))?.hash).toBe(`h${claims.indexOf(true)}`);
    });

    it('finds every mapping that leads to an upstream name', async () => {
      await inputs().put(inputOf());
      await inputs().put(inputOf({ name: 'again.png', createdAt: 2_000 }));
      await inputs().put(inputOf({ name: 'other.png', upstreamName: 'bbbb.png' }));
      expect((await inputs().findUpstream(['aaaa.png', 'none.png'])).map((record) => record.name)).toEqual(['again.png', 'face.png']);
      expect(await inputs().findUpstream(['none.png'])).toEqual([]);
    });

    it('remembers which instance has a file until it turns out not to', async () => {
      const record = inputOf();
      await inputs().put(record);
      expect(await inputs().placed('one', record)).toBe(false);
      await inputs().place('one', record);
      await inputs().place('one', record);
      expect(await inputs().placed('one', record)).toBe(true);
      expect(await inputs().placed('two', record)).toBe(false);
      await inputs().unplace('one', record);
      expect(await inputs().placed('one', record)).toBe(false);
    });

    it('forgets old mappings and names the paths that nothing refers to', async () => {
      await inputs().put(inputOf({ name: 'old.png', path: 'shared' }));
      await inputs().put(inputOf({ name: 'new.png', path: 'shared', createdAt: 9_000 }));
      await inputs().put(inputOf({ name: 'gone.png', path: 'alone', upstreamName: 'gone.png' }));
      await inputs().place('one', inputOf());
      await inputs().place('one', inputOf({ upstreamName: 'gone.png' }));
      expect(await inputs().expire(5_000)).toEqual(['alone']);
      expect(await inputs().placed('one', inputOf())).toBe(true);
      expect(await inputs().placed('one', inputOf({ upstreamName: 'gone.png' }))).toBe(false);
      expect(await inputs().expire(5_000)).toEqual([]);
    });

    it('forgets more than one batch at once', async () => {
      for (let n = 0; n < 1_100; n += 1) await inputs().put(inputOf({ name: `n${n}`, path: `path${n}` }));
      expect(await inputs().expire(5_000)).toHaveLength(1_100);
    });

    it('tells which paths nothing refers to', async () => {
      await inputs().put(inputOf({ path: 'used' }));
      expect(await inputs().unreferenced(['used', 'unused'])).toEqual(['unused']);
    });
  });
}
