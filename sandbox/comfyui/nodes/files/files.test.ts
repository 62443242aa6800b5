import { mkdtemp, readdir, readFile, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { afterAll, describe, expect, it } from 'vitest';
import { existingInput, pathOfInput } from './input-file.ts';
import { asciiJson, readChunks, withChunks, writeChunk, writePng } from './png-chunks.ts';
import { fileName, fillPlaceholders, nextCounter } from './save-name.ts';
import { producedWhole, writeWhole } from './write-file.ts';

const folder = await mkdtemp(path.join(tmpdir(), 'files-'));
afterAll(() => rm(folder, { recursive: true }));

const folders = { input: '/data/input', output: '/data/output', temp: '/data/temp' };

describe('the path of an input', () => {
  it.each([
    ['a.png', '/data/input/a.png'],
    ['sub/a.png', '/data/input/sub/a.png'],
    ['sub/../a.png', '/data/input/a.png'],
    ['a.png [output]', '/data/output/a.png'],
    ['a.png[temp]', '/data/temp/a.png'],
    ['a.png [other]', '/data/input/a.png [other]'],
    ['my file (v2).png', '/data/input/my file (v2).png'],
  ])('of %j', (name, full) => {
    expect(pathOfInput(name, folders)).toBe(full);
  });

  it.each(['../a.png', '/etc/passwd', '..', '', '.', 'x/../../output/a.png', '../input-2/a.png', 'a\0.png'])('does not exist for %j', (name) => {
    expect(pathOfInput(name, folders)).toBeUndefined();
  });

  it('is not that of a folder', async () => {
    const here = { ...folders, input: path.dirname(folder) };
    expect(await existingInput(path.basename(folder), here)).toBeUndefined();
  });
});

describe('names on disk', () => {
  const now = new Date(2031, 1, 3, 4, 5, 6);
  const size = { width: 640, height: 480 };

  it('fill every placeholder, time in two digits', () => {
    expect(fillPlaceholders('%width%x%height% %year%-%month%-%day% %hour%:%minute%:%second%', size, now)).toBe('640x480 2031-02-03 04:05:06');
  });

  it('leave unknown and half placeholders alone', () => {
    expect(fillPlaceholders('%date% 100% %batch_num% %%width%%', size, now)).toBe('%date% 100% %batch_num% %640%');
  });

  it.each([
    [[], 1],
    [['x_00001_.png', 'x_00009_.png', 'x_00003_.png'], 10],
    [['x_00041_.webm', 'xx_00100_.png', 'x100.png', 'x_.png', 'x_late.png'], 42],
    [['x_y_00005_.png'], 1],
    [['x_99999_.png'], 100000],
  ])('count on from %j to %d', (names, next) => {
    expect(nextCounter(names, 'x')).toBe(next);
  });

  it('have five digits or more', () => {
    const target = { folder: '/', subfolder: '', name: 'n%batch_num%', counter: 99999 };
    expect([0, 1].map((index) => fileName(target, index, 'png'))).toEqual(['n0_99999_.png', 'n1_100000_.png']);
  });
});

describe('writing whole files', () => {
  it('shows the file only when it is complete', async () => {
    const target = path.join(folder, 'whole.txt');
    await producedWhole(target, async (temporary) => {
      expect(await readdir(folder)).toEqual([]);
      await writeWhole(temporary, Buffer.from('done'));
    });
    expect(await readdir(folder)).toEqual(['whole.txt']);
    expect(await readFile(target, 'utf8')).toBe('done');
  });

  it('leaves the old file in place when the new one fails', async () => {
    const target = path.join(folder, 'whole.txt');
    const failing = producedWhole(target, async (temporary) => {
      await writeWhole(temporary, Buffer.from('half'));
      throw new TypeError('enough');
    });
    await expect(failing).rejects.toThrow('enough');
    expect([await readFile(target, 'utf8'), await readdir(folder)]).toEqual(['done', ['whole.txt']]);
  });
});

describe('PNG chunks', () => {
  it('end with the CRC of type and data', () => {
    expect(writeChunk({ type: 'IEND', data: Buffer.alloc(0) }).toString('hex')).toBe('0000000049454e44ae426082');
  });

  it('are read back as written', () => {
    const chunks = [{ type: 'IHDR', data: Buffer.from('x') }, { type: 'tEXt', data: Buffer.from('k\0v') }];
    expect(readChunks(writePng(chunks))).toEqual(chunks);
  });

  it('are added behind the header', () => {
    const png = writePng([{ type: 'IHDR', data: Buffer.from('x') }, { type: 'IEND', data: Buffer.alloc(0) }]);
    expect(readChunks(withChunks(png, [{ type: 'tEXt', data: Buffer.alloc(1) }])).map(({ type }) => type)).toEqual(['IHDR', 'tEXt', 'IEND']);
  });
});

describe('JSON in ASCII', () => {
  it.each(['"é"', '"☃ 🎈"', '"\u2028"', '{"a": "plain"}'])('%s reads the same', (json) => {
    expect(asciiJson(json)).toMatch(/^[ -~]*$/u);
    expect(JSON.parse(asciiJson(json))).toEqual(JSON.parse(json));
  });
});
