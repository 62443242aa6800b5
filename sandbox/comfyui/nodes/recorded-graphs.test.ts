import { createHash } from 'node:crypto';
import { copyFile, readFile } from 'node:fs/promises';
import path from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { z } from 'zod';
import { listening, makeFolders, parseGraph, rgbaOf, runGraph, savedFiles } from './testing/run-graph.ts';

const FIXTURES = path.resolve(import.meta.dirname, '../../../tests/fixtures/comfyui/workflows');

const Manifest = z.object({
  workflows: z.record(
    z.string(),
    z.object({
      file: z.string(),
      inputs: z.array(z.string()),
      files: z.array(
        z.object({
          node: z.string(),
          filename: z.string(),
          subfolder: z.string(),
          type: z.enum(['output', 'temp']),
          width: z.int().optional(),
          height: z.int().optional(),
          pixel_sha256_rgba: z.array(z.string()).optional(),
        }),
      ),
    }),
  ),
});

const manifest = Manifest.parse(JSON.parse(await readFile(path.join(FIXTURES, 'manifest.json'), 'utf8')));
const folders = await makeFolders();

beforeAll(async () => {
  const names = new Set(Object.values(manifest.workflows).flatMap(({ inputs }) => inputs));
  for (const name of names) await copyFile(path.join(FIXTURES, 'inputs', name), path.join(folders.input, name));
});
afterAll(() => folders.remove());

const hashOf = (data: Buffer): string => createHash('sha256').update(data).digest('hex');

describe('the recorded graphs', () => {
  for (const [name, { files }] of Object.entries(manifest.workflows)) {
    it(`${name} gives the recorded names, sizes and, to the last bit, pixels`, async () => {
      const graph = parseGraph(await readFile(path.join(FIXTURES, 'valid', `${name}.json`), 'utf8'));
      const results = await runGraph(graph, listening(folders).context);
      for (const expected of files) {
        const [file = ''] = savedFiles(results.get(expected.node), folders);
        const place = path.join(folders[expected.type], expected.subfolder, expected.filename);
        expect(file.replace(/temp_[a-z]{5}_/u, '')).toBe(place.replace(/temp_[a-z]{5}_/u, ''));
        if (!expected.pixel_sha256_rgba) continue;
        const { width, height, data } = await rgbaOf(file);
        expect({ width, height }).toEqual({ width: expected.width, height: expected.height });
        expect(hashOf(data)).toBe(expected.pixel_sha256_rgba[0]);
      }
    });
  }
});

describe('altered copies of the recorded graphs', () => {
  const run = async (name: string, alter: (text: string) => string, node: string) => {
    const text = await readFile(path.join(FIXTURES, 'valid', `${name}.json`), 'utf8');
    const results = await runGraph(parseGraph(alter(text)), listening(folders).context);
    return rgbaOf(savedFiles(results.get(node), folders)[0] ?? '');
  };

  it('paint another colour at another size', async () => {
    const { width, height, data } = await run('01-solid-colour', (text) => text.replace('2254506', '1193046').replace('64', '7'), '2');
    expect([width, height]).toEqual([7, 32]);
    expect([...data.subarray(0, 4)]).toEqual([0x12, 0x34, 0x56, 255]);
  });

  it('turn the other way', async () => {
    const once = await run('08-crop-rotate-flip', (text) => text.replace('90 degrees', '270 degrees'), '5');
    const recorded = await run('08-crop-rotate-flip', (text) => text, '5');
    expect([once.width, once.height]).toEqual([recorded.width, recorded.height]);
    expect(once.data.equals(recorded.data)).toBe(false);
  });

  it('join another text', async () => {
    const text = await readFile(path.join(FIXTURES, 'valid', '14-text-output.json'), 'utf8');
    const results = await runGraph(parseGraph(text.replace('"hello"', '"bye"')), listening(folders).context);
    expect(results.get('3')?.ui).toEqual({ text: ['bye, world ☃'] });
  });

  it('differ in noise when the last digit of a 64-bit seed differs', async () => {
    const one = await run('18-seeded-noise', (text) => text, '3');
    const other = await run('18-seeded-noise', (text) => text.replace('12345678901234567890', '12345678901234567891'), '3');
    expect(one.data.equals(other.data)).toBe(false);
  });
});
