import { mkdir, writeFile } from 'node:fs/promises';
import path from 'node:path';
import sharp from 'sharp';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { frames } from './inputs.ts';
import { nodes } from './index.ts';
import { rowsOf, sizeOf } from './testing/frames.ts';
import { listening, makeFolders, runForFrames, runNode } from './testing/run-graph.ts';

const folders = await makeFolders();
const { context } = listening(folders);
const input = (name: string): string => path.join(folders.input, name);

/** A picture of raw bytes as a sharp pipeline. */
const raw = (bytes: readonly number[], width: number, channels: 1 | 2 | 3 | 4) =>
  sharp(Uint8Array.from(bytes), { raw: { width, height: bytes.length / width / channels, channels } });

const RED_THEN_BLUE = [255, 0, 0, 0, 0, 255];

beforeAll(async () => {
  await mkdir(input('sub/deep'), { recursive: true });
  await raw(RED_THEN_BLUE, 2, 3).png().toFile(input('plain.png'));
  await raw(RED_THEN_BLUE, 2, 3).png().toFile(input('sub/deep/nested.png'));
  await raw([0, 255, 0], 1, 3).png().toFile(path.join(folders.output, 'made.png'));
  await raw([9, 9, 9], 1, 3).png().toFile(path.join(folders.temp, 'seen.png'));
  await raw([10, 20, 30, 255, 40, 50, 60, 51], 2, 4).png().toFile(input('alpha.png'));
  await raw([7, 200], 2, 1).toColourspace('b-w').png().toFile(input('gray.png'));
  await raw(RED_THEN_BLUE, 2, 3).tiff({ compression: 'lzw' }).withMetadata({ orientation: 6 }).toFile(input('turned.tiff'));
  await raw([...RED_THEN_BLUE, 0, 255, 0, 255, 255, 255], 2, 3).toColourspace('rgb16').png().toFile(input('deep.png'));
  await writeFile(input('fake.png'), 'this is no picture');
  await writeFile(input('empty.png'), '');
  await writeFile(input('drawing.svg'), '<svg xmlns="http://www.w3.org/2000/svg" width="4" height="4"/>');
  const strip = Uint8Array.from([0, 40, 80].flatMap((value) => new Array<number>(4 * 3).fill(value)));
  await sharp(strip, { raw: { width: 2, height: 6, channels: 3, pageHeight: 2 } }).webp({ lossless: true }).toFile(input('moving.webp'));
  await sharp(strip, { raw: { width: 2, height: 6, channels: 3, pageHeight: 2 } }).gif().toFile(input('moving.gif'));
});
afterAll(() => folders.remove());

describe('LoadImage', () => {
  it('answers colours and, for want of alpha, an empty mask of 64 x 64', async () => {
    const { outputs } = await runNode('LoadImage', { image: 'plain.png' }, context);
    const [image, mask] = [frames.parse(outputs[0]), frames.parse(outputs[1])];
    expect([0, 1, 2].map((channel) => rowsOf(image[0], channel)[0])).toEqual([[255, 0], [0, 0], [0, 255]]);
    expect(sizeOf(mask)).toEqual([64, 64, 1]);
    expect(mask[0]?.data.every((value) => value === 0)).toBe(true);
  });

  it('drops alpha from the picture without touching its colours, and gives 1 - alpha as mask', async () => {
    const { outputs } = await runNode('LoadImage', { image: 'alpha.png' }, context);
    const [image, mask] = [frames.parse(outputs[0]), frames.parse(outputs[1])];
    expect(image[0]?.channels).toBe(3);
    expect(rowsOf(image[0])).toEqual([[10, 40]]);
    expect(rowsOf(mask[0])).toEqual([[0, 204]]);
  });

  it('spreads gray over three channels', async () => {
    const [frame] = await runForFrames('LoadImage', { image: 'gray.png' }, context);
    expect([0, 1, 2].map((channel) => rowsOf(frame, channel))).toEqual([[[7, 200]], [[7, 200]], [[7, 200]]]);
  });

  it('cuts 16 bits to 8', async () => {
    const [frame] = await runForFrames('LoadImage', { image: 'deep.png' }, context);
    expect(rowsOf(frame)).toEqual([[255, 0], [0, 255]]);
  });

  it('turns a picture upright by its EXIF orientation', async () => {
    const batch = await runForFrames('LoadImage', { image: 'turned.tiff' }, context);
    expect(sizeOf(batch)).toEqual([1, 2, 1]);
    expect(rowsOf(batch[0])).toEqual([[255], [0]]);
  });

  it.each(['moving.webp', 'moving.gif'])('gives every frame of %s', async (name) => {
    const batch = await runForFrames('LoadImage', { image: name }, context);
    expect(sizeOf(batch)).toEqual([2, 2, 3]);
    expect(batch.map((frame) => rowsOf(frame)[1]?.[1])).toEqual([0, 40, 80]);
  });

  it('finds pictures in subfolders and, by annotation, in the other folders', async () => {
    expect(sizeOf(await runForFrames('LoadImage', { image: 'sub/deep/nested.png' }, context))).toEqual([2, 1, 1]);
    expect(rowsOf((await runForFrames('LoadImage', { image: 'made.png [output]' }, context))[0], 1)).toEqual([[255]]);
    expect(rowsOf((await runForFrames('LoadImage', { image: 'seen.png [temp]' }, context))[0])).toEqual([[9]]);
    expect(sizeOf(await runForFrames('LoadImage', { image: 'plain.png [input]' }, context))).toEqual([2, 1, 1]);
  });

  it.each(['fake.png', 'empty.png', 'drawing.svg'])('cannot identify %s', async (name) => {
    const refused = runNode('LoadImage', { image: name }, context);
    await expect(refused).rejects.toMatchObject({ exceptionType: 'PIL.UnidentifiedImageError', message: `cannot identify image file '${input(name)}'` });
  });

  it.each(['missing.png', '../output/made.png', '/etc/passwd', 'sub', 'made.png', 'a\0b.png'])('does not reach %j', async (name) => {
    await expect(runNode('LoadImage', { image: name }, context)).rejects.toMatchObject({ exceptionType: 'FileNotFoundError' });
  });
});

describe('what LoadImage says before it runs', () => {
  const node = nodes.get('LoadImage');

  it('refuses a missing file by name', async () => {
    expect(await node?.validate?.({ image: 'nope.png' }, folders)).toEqual({ input: 'image', reason: 'Invalid image file: nope.png' });
    expect(await node?.validate?.({ image: '../../x' }, folders)).toEqual({ input: 'image', reason: 'Invalid image file: ../../x' });
  });

  it('has nothing against an existing file, nor against a link', async () => {
    expect(await node?.validate?.({ image: 'made.png [output]' }, folders)).toBeUndefined();
    expect(await node?.validate?.({}, folders)).toBeUndefined();
  });

  it('changes its fingerprint with the content, not with the name', async () => {
    const of = (image: string) => node?.fingerprint?.({ image }, folders);
    expect(await of('plain.png')).toMatch(/^[0-9a-f]{64}$/u);
    expect(await of('plain.png')).toBe(await of('sub/deep/nested.png'));
    expect(await of('plain.png')).not.toBe(await of('alpha.png'));
  });
});

describe('LoadImageMask', () => {
  it.each([
    ['red', [[10, 40]]],
    ['green', [[20, 50]]],
    ['blue', [[30, 60]]],
    ['alpha', [[0, 204]]],
  ])('takes %s', async (channel, rows) => {
    const [mask] = await runForFrames('LoadImageMask', { image: 'alpha.png', channel }, context);
    expect(mask?.channels).toBe(1);
    expect(rowsOf(mask)).toEqual(rows);
  });

  it('masks nothing of a picture without alpha', async () => {
    expect(rowsOf((await runForFrames('LoadImageMask', { image: 'plain.png', channel: 'alpha' }, context))[0])).toEqual([[0, 0]]);
  });

  it('takes the first frame of a moving picture', async () => {
    expect(await runForFrames('LoadImageMask', { image: 'moving.webp', channel: 'red' }, context)).toHaveLength(1);
  });

  it('does not know other channels', async () => {
    await expect(runNode('LoadImageMask', { image: 'plain.png', channel: 'cyan' }, context)).rejects.toMatchObject({ exceptionType: 'ValueError' });
  });
});
