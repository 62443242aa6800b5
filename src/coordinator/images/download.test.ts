import { mkdir, rm, writeFile } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { Readable } from 'node:stream';
import { buffer } from 'node:stream/consumers';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { memoryLog } from '../../../tests/support/http-app.ts';
import { poured } from '../../../tests/support/poured.ts';
import { type FileScript, scriptedFiles, type ScriptedFiles } from '../../../tests/support/scripted-files.ts';
import { type TemporaryFolder, temporaryFolder } from '../../../tests/support/temporary-folder.ts';
import { HttpStream } from '../../atoms/http-stream/http-stream.ts';
import { fail } from '../../core/errors.ts';
import type { FileAnswer, FileConditions, FileRef } from '../../models/file.ts';
import { HttpComfyuiFiles } from '../../molecules/comfyui-files/files.ts';
import { Converter } from '../../molecules/conversion/conversion.ts';
import { InputStore } from '../../molecules/input-store/input-store.ts';
import { InstancePool } from '../../molecules/instance-pool/pool.ts';
import { OutputStore } from '../../molecules/output-store/output-store.ts';
import { SqlInputRecords } from '../../molecules/records/input-records.ts';
import { openRecords } from '../../molecules/records/open.ts';
import { SqlPromptRecords } from '../../molecules/records/prompt-records.ts';
import { Downloads } from './download.ts';
import type { Location } from './location.ts';
import type { ImageParts } from './parts.ts';
import { Relay } from './relay.ts';

const never = new AbortController().signal;
const ref: FileRef = { filename: 'a.png', subfolder: '', type: 'output' };
const none: FileConditions = { range: undefined, ifNoneMatch: undefined, ifRange: undefined, ifModifiedSince: undefined, head: false };
const asIs = { format: undefined, quality: undefined, width: undefined, height: undefined };

let folder: TemporaryFolder;
const open: AsyncDisposable[] = [];
beforeEach(async () => {
  folder = await temporaryFolder();
});
afterEach(async () => {
  for (const one of open.splice(0).reverse()) await one[Symbol.asyncDispose]();
  await folder[Symbol.asyncDispose]();
});

async function instance(script: FileScript): Promise<ScriptedFiles> {
  const made = await scriptedFiles(script);
  open.push(made);
  return made;
}

async function world(instances: readonly ScriptedFiles[], over: Partial<ImageParts> = {}) {
  const [http, db] = [new HttpStream(), await openRecords(':memory:', never)];
  open.push({ [Symbol.asyncDispose]: async () => { http.close(); await db.destroy(); } });
  const parts: ImageParts = {
    files: new HttpComfyuiFiles(http, { uploadMs: 1_000, idleMs: 1_000 }),
    records: { prompts: new SqlPromptRecords(db, Date.now), inputs: new SqlInputRecords(db) },
    stores: { outputs: new OutputStore(join(folder.path, 'output')), inputs: new InputStore(join(folder.path, 'input'), { maxBytes: 1_000 }) },
    pool: new InstancePool(instances.map((one) => one.instance)),
    converter: new Converter(folder.path),
    log: memoryLog().log,
    publicUrl: '',
    now: Date.now,
    liveOutput: () => undefined,
    following: async () => undefined,
    ...over,
  };
  const at: Location = { kind: 'output', ref, promptId: 'p1', instance: instances[0]?.instance.name ?? '' };
  const fetch = (location: Location = at, conditions: Partial<FileConditions> = {}) => new Downloads(parts).open({ key: 'ann', location, conditions: { ...none, ...conditions }, conversion: asIs }, never);
  return { parts, at, fetch };
}

async function bytesOf({ body }: FileAnswer): Promise<string> {
  if (body === undefined) return '';
  return String('pour' in body ? await poured(body) : await buffer(Readable.from(body)));
}

async function copyOf(content: string): Promise<string> {
  const path = join(folder.path, 'output', 'p1', 'output', 'a.png');
  await mkdir(dirname(path), { recursive: true });
  await writeFile(path, content);
  return path;
}

describe('a file', () => {
  it('comes from its copy where there is one, and from its instance where there is none', async () => {
    const one = await instance({ content: Buffer.from('upstream') });
    const { fetch } = await world([one]);
    expect(await bytesOf(await fetch())).toBe('upstream');
    await copyOf('copied');
    expect([await bytesOf(await fetch()), one.calls]).toEqual(['copied', 1]);
  });

  it('whose copy is removed between the look and the reading comes from its instance', async () => {
    const one = await instance({ content: Buffer.from('upstream') });
    const path = await copyOf('copied');
    const { parts, fetch } = await world([one]);
    const find = parts.stores.outputs.find.bind(parts.stores.outputs);
    parts.stores.outputs.find = async (...which) => {
      const found = await find(...which);
      await rm(path, { force: true });
      return found;
    };
    expect(await bytesOf(await fetch())).toBe('upstream');
  });

  it('whose copy has just become complete comes from that', async () => {
    await copyOf('copied');
    const over = { file: { size: 6, modifiedAt: new Date() }, kept: Promise.resolve(), part: () => undefined };
    const { fetch } = await world([], { following: async () => over });
    expect(await bytesOf(await fetch())).toBe('copied');
  });

  it('whose copy nobody can follow, since its size is not known, comes from its instance', async () => {
    const one = await instance({ content: Buffer.from('upstream') });
    const { fetch } = await world([one], { following: async () => ({ file: undefined, kept: new Promise(() => undefined), part: () => undefined }) });
    expect(await bytesOf(await fetch())).toBe('upstream');
  });

  it('of an instance that cannot be reached is not asked for twice', async () => {
    const one = await instance({ content: Buffer.from('upstream') });
    const { fetch } = await world([one], { following: () => Promise.reject(fail('CONNECTION_ERROR', 'instance one is away')) });
    await expect(fetch()).rejects.toMatchObject({ code: 'CONNECTION_ERROR' });
    expect(one.calls).toBe(0);
  });

  it('of an instance that is not configured any more is only to be had as a copy', async () => {
    const { fetch, at } = await world([]);
    await expect(fetch({ ...at, kind: 'output', ref, promptId: 'p1', instance: 'gone:1' })).rejects.toMatchObject({ code: 'CONNECTION_ERROR' });
    await copyOf('copied');
    expect(await bytesOf(await fetch({ kind: 'output', ref, promptId: 'p1', instance: 'gone:1' }))).toBe('copied');
  });

  it('that nobody recorded comes from the first instance that has it; failures of others count only when none has', async () => {
    const [without, broken, having] = [await instance({ status: () => 404 }), await instance({ status: () => 500 }), await instance({ content: Buffer.from('found') })];
    const foreign: Location = { kind: 'foreign', ref };
    expect(await bytesOf(await (await world([without, broken, having])).fetch(foreign))).toBe('found');
    await expect((await world([without])).fetch(foreign)).rejects.toMatchObject({ code: 'IMAGE_NOT_FOUND' });
    await expect((await world([broken, without])).fetch(foreign)).rejects.toMatchObject({ code: 'UPSTREAM_ERROR' });
  });

  it('that the instance sends although it has not changed is not passed on', async () => {
    const one = await instance({ content: Buffer.from('upstream') });
    const { fetch } = await world([one]);
    for (const conditions of [{ ifNoneMatch: '"one"' }, { ifModifiedSince: new Date(0).toUTCString() }]) expect(await fetch(undefined, conditions)).toMatchObject({ part: 'unchanged', body: undefined });
  });
});

describe('the rest of a file', () => {
  it('is taken only where it is that part of a file of that size', async () => {
    const one = await instance({ content: Buffer.from('not in parts') });
    const { parts, at } = await world([one]);
    await expect(new Relay(parts).rest(at, { start: 4, end: 11, size: 12 }, never)).rejects.toMatchObject({ code: 'UPSTREAM_ERROR' });
  });
});
