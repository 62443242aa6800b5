import { mkdir, rename, rm, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { temporaryFolder } from '../../../tests/support/temporary-folder.ts';
import { until } from '../../../tests/support/until.ts';
import { ConfigError } from '../../core/config.ts';
import type { Logger } from '../../core/logger.ts';
import { TemplateFolder } from './templates.ts';

const file = (title: string, node = '1') => JSON.stringify({ title, graph: 'graphs/g.json', inputs: { text: { type: 'string', targets: [{ node, input: 'text' }] } } });
const graph = (classType = 'A') => JSON.stringify({ '1': { class_type: classType, inputs: { text: '' } } });

function recorder() {
  const lines: string[] = [];
  const write = (level: string) => (message: string) => void lines.push(`${level}: ${message}`);
  const log: Logger = { error: write('error'), warn: write('warn'), info: write('info'), http: write('http'), debug: write('debug') };
  return { log, errors: () => lines.filter((line) => line.startsWith('error')), warnings: () => lines.filter((line) => line.startsWith('warn')) };
}

/** A folder with a good template `a`, which is followed. */
async function following() {
  const folder = await temporaryFolder();
  await mkdir(join(folder.path, 'graphs'));
  const write = (name: string, text: string) => writeFile(join(folder.path, name), text);
  await write('graphs/g.json', graph());
  await write('a.json', file('first'));
  const { log, errors, warnings } = recorder();
  const templates = await TemplateFolder.load(folder.path, log);
  const stop = new AbortController();
  const running = templates.run(stop.signal);
  return { folder: folder.path, write, templates, errors, warnings, [Symbol.asyncDispose]: async () => { stop.abort(); await running; await folder[Symbol.asyncDispose](); } };
}

describe('the templates at the start', () => {
  it('are found by name, and listed in order', async () => {
    await using folder = await temporaryFolder();
    await mkdir(join(folder.path, 'graphs'));
    await writeFile(join(folder.path, 'graphs/g.json'), graph());
    for (const name of ['b', 'a']) await writeFile(join(folder.path, `${name}.json`), file(name));
    const templates = await TemplateFolder.load(folder.path, recorder().log);
    expect(templates.all().map(({ name }) => name)).toEqual(['a', 'b']);
    expect(templates.find('b')?.title).toBe('b');
    expect(templates.find('c')).toBeUndefined();
  });

  it('stop it with every fault of every file', async () => {
    await using folder = await temporaryFolder();
    for (const name of ['a', 'b']) await writeFile(join(folder.path, `${name}.json`), file(name));
    const thrown: unknown = await TemplateFolder.load(folder.path, recorder().log).catch((error: unknown) => error);
    expect(thrown).toBeInstanceOf(ConfigError);
    expect(thrown).toMatchObject({ lines: ['a', 'b'].map((name) => `${folder.path}/${name}.json: graph: there is no file "graphs/g.json" in ${folder.path}`) });
  });

  it('are warned of where their graphs lack what they name, which an optional input may', async () => {
    await using folder = await temporaryFolder();
    await mkdir(join(folder.path, 'graphs'));
    await writeFile(join(folder.path, 'graphs/g.json'), JSON.stringify({ '1': { class_type: 'A', inputs: { txt: '' } } }));
    await writeFile(join(folder.path, 'a.json'), file('first'));
    const { log, warnings } = recorder();
    expect((await TemplateFolder.load(folder.path, log)).find('a')?.title).toBe('first');
    expect(warnings()).toEqual([`warn: ${folder.path}/a.json: inputs.text.targets[0].input: node "1" (A) of the graph has no input "text"; nearest: txt; it has: txt`]);
  });

  it('are found as far as they are sound by those who only look', async () => {
    await using folder = await temporaryFolder();
    await mkdir(join(folder.path, 'graphs'));
    await writeFile(join(folder.path, 'graphs/g.json'), graph());
    await writeFile(join(folder.path, 'a.json'), file('good'));
    await writeFile(join(folder.path, 'b.json'), file('bad', '7'));
    const { templates, ...others } = await TemplateFolder.look(folder.path, recorder().log);
    expect(templates.all().map(({ name }) => name)).toEqual(['a']);
    expect(others).toEqual({ broken: ['b'], unread: false, faults: [expect.stringContaining('b.json: inputs.text.targets[0].node: the graph has no node "7"')] });
  });

  it('may be none', async () => {
    expect((await TemplateFolder.load('/nowhere/at/all', recorder().log)).all()).toEqual([]);
  });
});

describe('the templates of a folder that is followed', () => {
  it('come, change and go with their files', async () => {
    await using followed = await following();
    const { write, templates, folder } = followed;
    await write('b.json', file('second'));
    await until('b came', () => templates.find('b'));
    await write('a.json', file('changed'));
    await until('a changed', () => templates.find('a')?.title === 'changed');
    await rm(join(folder, 'b.json'));
    await until('b went', () => templates.find('b') === undefined);
  });

  it('change with their graphs', async () => {
    await using followed = await following();
    const { write, templates } = followed;
    await write('graphs/g.json', graph('Other'));
    await until('the graph changed', () => JSON.stringify(templates.find('a')?.workflow).includes('Other'));
  });

  it('stay as they were while their files are broken, of which a line is logged per fault, once', async () => {
    await using followed = await following();
    const { write, templates, errors, folder } = followed;
    const good = templates.find('a');
    await write('a.json', file('broken', '7'));
    await until('the fault is told', () => errors().length > 0);
    expect(templates.find('a')).toBe(good);
    await write('b.json', file('second'));
    await until('b came', () => templates.find('b'));
    expect(errors()).toEqual([`error: ${folder}/a.json: inputs.text.targets[0].node: the graph has no node "7"; allowed: 1 (the template stays as it was)`]);
    await write('a.json', file('mended'));
    await until('a is mended', () => templates.find('a')?.title === 'mended');
  });

  it('are warned of once, when they change', async () => {
    await using followed = await following();
    const { write, templates, warnings } = followed;
    await write('b.json', file('second').replace('"input":"text"', '"input":"txet"'));
    await until('b came', () => templates.find('b'));
    await write('c.json', file('third'));
    await until('c came', () => templates.find('c'));
    expect(warnings()).toEqual([expect.stringContaining('b.json: inputs.text.targets[0].input: node "1" (A) of the graph has no input "txet"; nearest: text')]);
  });

  it('stay the same objects where nothing changed', async () => {
    await using followed = await following();
    const { write, templates } = followed;
    const before = templates.find('a');
    await write('b.json', file('second'));
    await until('b came', () => templates.find('b'));
    expect(templates.find('a')).toBe(before);
  });

  it('are not there when they come broken', async () => {
    await using followed = await following();
    const { write, templates, errors } = followed;
    await write('b.json', '{');
    await until('the fault is told', () => errors().length > 0);
    expect(templates.find('b')).toBeUndefined();
  });

  it('are found as well when the folder comes later', async () => {
    await using parent = await temporaryFolder();
    const folder = join(parent.path, 'workflows');
    const templates = await TemplateFolder.load(folder, recorder().log);
    const stop = new AbortController();
    const running = templates.run(stop.signal);
    await mkdir(join(parent.path, 'made/graphs'), { recursive: true });
    await writeFile(join(parent.path, 'made/graphs/g.json'), graph());
    await writeFile(join(parent.path, 'made/a.json'), file('late'));
    await rename(join(parent.path, 'made'), folder);
    await until('a came', () => templates.find('a'));
    stop.abort();
    await running;
  });

  it('include what changed between reading them and following them', async () => {
    await using folder = await temporaryFolder();
    const templates = await TemplateFolder.load(folder.path, recorder().log);
    await mkdir(join(folder.path, 'graphs'));
    await writeFile(join(folder.path, 'graphs/g.json'), graph());
    await writeFile(join(folder.path, 'a.json'), file('between'));
    const stop = new AbortController();
    const running = templates.run(stop.signal);
    await until('a came', () => templates.find('a'));
    stop.abort();
    await running;
  });
});
