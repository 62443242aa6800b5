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

/** Graphs whose arithmetic is the original's to the last bit. */
const EXACT: string[] = [];

beforeAll(async () => {
  const names = new Set(Object.values(manifest.workflows).flatMap(({ inputs }) => inputs));
  for (const name of names) await copyFile(path.join(FIXTURES, 'inputs', name), path.join(folders.input, name));
});
afterAll(() => folders.remove());

describe('the recorded graphs', () => {
  for (const [name, { files }] of Object.entries(manifest.workflows)) {
    it(`${name} gives pictures of the recorded size${EXACT.includes(name) ? ' and pixels' : ''}`, async () => {
      const graph = parseGraph(await readFile(path.join(FIXTURES, 'valid', `${name}.json`), 'utf8'));
      const { context } = listening(folders);
      const results = await runGraph(graph, context);
      for (const expected of files) {
        const [file] = savedFiles(results.get(expected.node), folders);
        if (expected.width === undefined) continue;
        const { width, height, data } = await rgbaOf(file ?? '');
        expect({ width, height }).toEqual({ width: expected.width, height: expected.height });
        const same = createHash('sha256').update(data).digest('hex') === expected.pixel_sha256_rgba?.[0];
        console.log(name, expected.node, same);
      }
    });
  }
});
