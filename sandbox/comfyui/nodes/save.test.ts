import { readdir, readFile, rm } from 'node:fs/promises';
import path from 'node:path';
import { afterAll, afterEach, describe, expect, it } from 'vitest';
import type { Batch, NodeContext } from '../node.ts';
import { readChunks } from './files/png-chunks.ts';
import { filled } from './pictures/picture.ts';
import { gray } from './testing/frames.ts';
import { listening, makeFolders, rgbaOf, runNode, savedFiles } from './testing/run-graph.ts';

const folders = await makeFolders();
const { context } = listening(folders);
const one: Batch = [gray([[0, 128, 255]])];
const save = (prefix: string, images: Batch = one, given: NodeContext = context) => runNode('SaveImage', { images, filename_prefix: prefix }, given);

afterEach(async () => {
  for (const name of await readdir(folders.output)) await rm(path.join(folders.output, name), { recursive: true });
});
afterAll(() => folders.remove());

describe('SaveImage', () => {
  it('numbers its files on from what is on disk', async () => {
    const first = await save('x');
    const second = await save('x', [...one, ...one]);
    expect(first.ui).toEqual({ images: [{ filename: 'x_00001_.png', subfolder: '', type: 'output' }] });
    expect(second.ui).toEqual({
      images: [
        { filename: 'x_00002_.png', subfolder: '', type: 'output' },
        { filename: 'x_00003_.png', subfolder: '', type: 'output' },
      ],
    });
    expect((await readdir(folders.output)).toSorted()).toEqual(['x_00001_.png', 'x_00002_.png', 'x_00003_.png']);
  });

  it('makes a subfolder of the prefix and reports it', async () => {
    const { ui } = await save('a/b/./c/../pic');
    expect(ui).toEqual({ images: [{ filename: 'pic_00001_.png', subfolder: 'a/b', type: 'output' }] });
    expect(await readdir(path.join(folders.output, 'a/b'))).toEqual(['pic_00001_.png']);
  });

  it('fills placeholders with the size and the time', async () => {
    const now = new Date();
    const { ui } = await save('%year%-%month%_%width%x%height%_%unknown%');
    const month = String(now.getMonth() + 1).padStart(2, '0');
    expect(ui).toEqual({ images: [{ filename: `${now.getFullYear()}-${month}_3x1_%unknown%_00001_.png`, subfolder: '', type: 'output' }] });
  });

  it('writes the number within the batch where asked for', async () => {
    expect(savedFiles(await save('n%batch_num%', [...one, ...one]), folders).map((file) => path.basename(file))).toEqual(['n0_00001_.png', 'n1_00002_.png']);
  });

  it.each(['../../out', '/tmp/elsewhere/x', 'a/../../x'])('refuses to leave the output folder by %j', async (prefix) => {
    const refused = save(prefix);
    await expect(refused).rejects.toMatchObject({ exceptionType: 'Exception' });
    await expect(refused).rejects.toThrow('**** ERROR: Saving image outside the output folder is not allowed.\n full_output_folder: ');
    await expect(refused).rejects.toThrow(`\n         output_dir: ${folders.output}\n         commonpath: /`);
    expect(await readdir(folders.output)).toEqual([]);
  });

  it('does not take the neighbour `output-2` for a part of `output`', async () => {
    await expect(save(`../${path.basename(folders.output)}-2/x`)).rejects.toMatchObject({ exceptionType: 'Exception' });
  });

  it('cuts values to bytes instead of rounding them, and clips', async () => {
    const odd = { width: 4, height: 1, channels: 3 as const, data: Float32Array.from([0.999, 0.5, 0.1, 1.7, -3, NaN, 1, 0, 0.25, 0.004, 0.003, 0.2]) };
    const { data } = await rgbaOf(savedFiles(await save('cut', [odd]), folders)[0] ?? '');
    expect([...data]).toEqual([254, 127, 25, 255, 255, 0, 0, 255, 255, 0, 63, 255, 1, 0, 51, 255]);
  });

  it('keeps an alpha channel', async () => {
    const { data } = await rgbaOf(savedFiles(await save('alpha', [filled({ width: 1, height: 1, channels: 4 }, 0.5)]), folders)[0] ?? '');
    expect([...data]).toEqual([127, 127, 127, 127]);
  });

  it('leaves nothing but finished files', async () => {
    await save('whole');
    expect(await readdir(folders.output)).toEqual(['whole_00001_.png']);
  });
});

describe('what a PNG tells about its origin', () => {
  const texts = async (file: string): Promise<Record<string, string>> =>
    Object.fromEntries(
      readChunks(await readFile(file))
        .filter(({ type }) => type === 'tEXt')
        .map(({ data }) => data.toString('latin1').split('\0'))
        .map(([keyword = '', value = '']) => [keyword, value]),
    );

  it('is the graph and every entry of extra_pnginfo', async () => {
    const given = { ...context, promptText: '{"seed": 18446744073709551615}', extraPnginfo: { workflow: '{"nodes": []}', note: '"hi"' } };
    const [file = ''] = savedFiles(await save('t', one, given), folders);
    expect(await texts(file)).toEqual({ prompt: '{"seed": 18446744073709551615}', workflow: '{"nodes": []}', note: '"hi"' });
  });

  it('is pure ASCII that reads as the same JSON', async () => {
    const value = { text: 'héllo ☃ 🎈\u007f' };
    const [file = ''] = savedFiles(await save('u', one, { ...context, promptText: JSON.stringify(value) }), folders);
    const { prompt = '' } = await texts(file);
    expect(prompt).toMatch(/^[ -~]*$/u);
    expect(JSON.parse(prompt)).toEqual(value);
  });

  it.each(['', 'x'.repeat(80), 'snow☃man', 'nul\0'])('refuses the keyword %j', async (keyword) => {
    await expect(save('k', one, { ...context, extraPnginfo: { [keyword]: '1' } })).rejects.toMatchObject({ exceptionType: 'ValueError' });
  });
});

describe('PreviewImage', () => {
  it('writes to the temp folder under a name of its own', async () => {
    const first = savedFiles(await runNode('PreviewImage', { images: one }, context), folders)[0] ?? '';
    const second = savedFiles(await runNode('PreviewImage', { images: one }, context), folders)[0] ?? '';
    expect(path.dirname(first)).toBe(folders.temp);
    expect(path.basename(first)).toMatch(/^ComfyUI_temp_[a-z]{5}_00001_\.png$/u);
    expect(first).not.toBe(second);
    expect([...(await rgbaOf(first)).data.subarray(4, 8)]).toEqual([128, 128, 128, 255]);
  });
});

describe('SaveImageWebsocket', () => {
  it('reports each frame as a PNG, counting from 0 and never to the end', async () => {
    const { context: listener, heard } = listening(folders);
    const result = await runNode('SaveImageWebsocket', { images: [...one, gray([[7]])] }, listener);
    expect(heard.steps.map(({ value, max, preview }) => [value, max, preview?.format])).toEqual([[0, 2, 'png'], [1, 2, 'png']]);
    expect(result.ui).toEqual({});
    expect(await readdir(folders.output)).toEqual([]);
  });
});
