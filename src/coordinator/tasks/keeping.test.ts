import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { output, picture } from '../../../tests/support/scripted-task-engine.ts';
import { TaskWorld } from '../../../tests/support/task-world.ts';
import { fail } from '../../core/errors.ts';
import type { EngineOutput } from '../../models/engine.ts';
import { type Kept, Keeping } from './keeping.ts';

let world: TaskWorld;
beforeEach(async () => {
  world = await TaskWorld.open();
});
afterEach(() => world[Symbol.asyncDispose]());

const forEver = new AbortController().signal;
const text: EngineOutput = output({ filename: '', subfolder: '', type: '', node_id: '9', kind: 'text', text: 'hello' });

async function* found(...outputs: EngineOutput[]): AsyncGenerator<EngineOutput, void> {
  yield* outputs;
}

const broken = async function* (error = fail('CONNECTION_ERROR', 'nobody answers.')): AsyncGenerator<EngineOutput, void> {
  yield* [];
  throw error;
};

const keep = (outputs: readonly EngineOutput[], nodes?: readonly string[], signal = forEver): Promise<Kept> => new Keeping(world.parts, 't1').keep(() => found(...outputs), nodes, signal);

describe('outputs that their engine has for a while only', () => {
  const fleeting: EngineOutput = { ...output(picture('a.png')), fleeting: { url: 'https://elsewhere.example/a.png' } };

  it('are told from where they were made when they cannot be stored, with a warning', async () => {
    world.storage.onKeep = () => Promise.reject(fail('FILE_OPERATION_ERROR', 'the disk is full.'));
    const { outputs, warnings } = await keep([fleeting]);
    expect(outputs).toMatchObject([{ url: 'https://elsewhere.example/a.png' }]);
    expect(warnings).toEqual([expect.stringMatching(/disk is full.*about a day/)]);
  });

  it('are asked for again where their engine says that they are gone: a moment later they are there', async () => {
    const answers = [fail('IMAGE_NOT_FOUND', 'not yet.'), fail('IMAGE_NOT_FOUND', 'not yet.')];
    world.storage.onKeep = () => {
      const next = answers.shift();
      if (next) throw next;
    };
    expect(await keep([fleeting])).toEqual({ outputs: [expect.objectContaining({ url: 'http://here/a.png' })], warnings: [] });
  });

  it('do not take others along when one of them is gone', async () => {
    world.storage.onKeep = ({ file }) => (file.filename === 'a.png' ? Promise.reject(fail('IMAGE_NOT_FOUND', 'gone.')) : undefined);
    const { outputs, warnings } = await keep([fleeting, { ...fleeting, ...output(picture('b.png')) }]);
    expect(outputs.map(({ url }) => url)).toEqual([undefined, 'http://here/b.png']);
    expect(warnings).toEqual([expect.stringContaining('gone')]);
  });

  it('and that are gone do not have the job made again', async () => {
    world.storage.onKeep = () => Promise.reject(fail('IMAGE_NOT_FOUND', 'gone.'));
    await expect(keep([fleeting])).rejects.toMatchObject({ again: false, error: { code: 'IMAGE_NOT_FOUND' } });
  });
});

describe('outputs', () => {
  it('are handed out from the storage, in the order of the engine', async () => {
    let n = 0;
    world.storage.onKeep = async () => {
      for (let turns = (n += 1) % 3; turns < 3; turns += 1) await new Promise(setImmediate);
    };
    const names = Array.from({ length: 10 }, (_, at) => `${at}.png`);
    const { outputs, warnings } = await keep(names.map((name) => output(picture(name))));
    expect(outputs.map(({ url, size }) => [url, size])).toEqual(names.map((name) => [`http://here/${name}`, 5]));
    expect(warnings).toEqual([]);
  });

  it('are fetched a few at a time', async () => {
    let [now, most] = [0, 0];
    world.storage.onKeep = async () => {
      most = Math.max(most, (now += 1));
      await new Promise(setImmediate);
      now -= 1;
    };
    await keep(Array.from({ length: 20 }, (_, at) => output(picture(`${at}.png`))));
    expect(most).toBe(4);
  });

  it('are only those of the nodes that count', async () => {
    expect((await keep([output(picture('a.png', '1')), output(picture('b.png', '2'))], ['2'])).outputs.map(({ filename }) => filename)).toEqual(['b.png']);
    expect(world.storage.kept).toEqual(['b.png']);
  });

  it('of which none counts are warned of', async () => {
    expect(await keep([output(picture('a.png', '1'))], ['77'])).toEqual({ outputs: [], warnings: ['None of the 1 outputs counts: they came from node 1, and outputs of 77 alone were asked for.'] });
  });

  it('that are texts have nothing to be stored', async () => {
    expect((await keep([text])).outputs).toEqual([text.file]);
    expect(world.storage.kept).toEqual([]);
  });
});

describe('outputs that cannot be listed', () => {
  it('at first are asked for again', async () => {
    const look = () => (world.clock.sleeps.length < 2 ? broken() : found(output(picture('a.png'))));
    const { outputs } = await new Keeping(world.parts, 't1').keep(look, undefined, forEver);
    expect(outputs.map(({ filename }) => filename)).toEqual(['a.png']);
    expect(world.clock.sleeps).toHaveLength(2);
  });

  it('of a job that nobody knows are not', async () => {
    const look = () => broken(fail('PROMPT_LOST', 'it is not recorded.'));
    await expect(new Keeping(world.parts, 't1').keep(look, undefined, forEver)).rejects.toMatchObject({ code: 'PROMPT_LOST' });
    expect(world.clock.sleeps).toEqual([]);
  });
});

describe('an output that cannot be stored', () => {
  it('at first is tried again', async () => {
    world.storage.onKeep = () => (world.clock.sleeps.length < 3 ? Promise.reject(fail('CONNECTION_ERROR', 'nobody answers.')) : undefined);
    const { outputs, warnings } = await keep([output(picture('a.png'))]);
    expect(outputs).toMatchObject([{ url: 'http://here/a.png' }]);
    expect([warnings, world.clock.sleeps]).toEqual([[], [250, 1_000, 3_000]]);
  });

  it('at all is handed out from where the engine has it, with a warning', async () => {
    world.storage.onKeep = ({ file }) => (file.filename === 'a.png' ? Promise.reject(fail('CONNECTION_ERROR', 'nobody answers.')) : undefined);
    const { outputs, warnings } = await keep([output(picture('a.png')), output(picture('b.png'))]);
    expect(outputs).toEqual([picture('a.png'), { ...picture('b.png'), url: 'http://here/b.png', size: 5 }]);
    expect(warnings).toEqual([expect.stringMatching(/^"a\.png" could not be stored \(.*nobody answers\.\); it is fetched/)]);
    expect(world.clock.sleeps).toHaveLength(5);
  });

  it('because the disk is full is not fetched again and again', async () => {
    world.storage.onKeep = () => Promise.reject(fail('FILE_OPERATION_ERROR', 'no space left.'));
    expect((await keep([output(picture('a.png'))])).warnings).toHaveLength(1);
    expect(world.clock.sleeps).toEqual([]);
  });

  it('because it is gone fails the step, which may be made again', async () => {
    world.storage.onKeep = () => Promise.reject(fail('IMAGE_NOT_FOUND', 'it is not there.'));
    await expect(keep([output(picture('a.png'))])).rejects.toMatchObject({ name: 'StepFailed', again: true, error: { code: 'IMAGE_NOT_FOUND' } });
  });

  it('through a mistake of ours is no warning', async () => {
    world.storage.onKeep = () => Promise.reject(new TypeError('mistake'));
    await expect(keep([output(picture('a.png'))])).rejects.toThrow('mistake');
  });

  it('because the process ends is left to the next one', async () => {
    const halt = new AbortController();
    world.storage.onKeep = () => {
      halt.abort(new TypeError('the process ends'));
      return Promise.reject(fail('CONNECTION_ERROR', 'cut off.'));
    };
    await expect(keep([output(picture('a.png'))], undefined, halt.signal)).rejects.toMatchObject({ code: 'CONNECTION_ERROR' });
  });
});

describe('a task', () => {
  it('whose file is gone is made again', async () => {
    const { id } = await world.accept();
    let lost = 1;
    world.storage.onKeep = () => ((lost -= 1) >= 0 ? Promise.reject(fail('IMAGE_NOT_FOUND', 'it is not there.')) : undefined);
    world.engine.plays.push({ outputs: [output(picture('a.png'))] }, { outputs: [output(picture('a.png'))] });
    world.clock.at = (await world.work()).availableAt;
    expect(await world.work()).toMatchObject({ id, status: 'completed', attempt: 2 });
  });

  it('whose output could not be stored completes, and says so', async () => {
    const { id } = await world.accept();
    world.storage.onKeep = () => Promise.reject(fail('FILE_OPERATION_ERROR', 'no space left.'));
    world.engine.plays.push({ outputs: [output(picture('a.png'))] });
    expect((await world.work()).status).toBe('completed');
    expect(await world.store.details(id)).toMatchObject({ outputs: [{ url: 'http://engine/a.png' }], warnings: [expect.stringContaining('no space left')] });
  });
});
