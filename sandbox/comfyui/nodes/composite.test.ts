import { afterAll, describe, expect, it } from 'vitest';
import type { Picture } from '../node.ts';
import { filled } from './pictures/picture.ts';
import { gray, maskOf, rowsOf } from './testing/frames.ts';
import { listening, makeFolders, runForFrames } from './testing/run-graph.ts';

const folders = await makeFolders();
const { context } = listening(folders);
afterAll(() => folders.remove());

const ground = gray([
  [0, 0, 0],
  [0, 0, 0],
]);
const stamp = gray([
  [50, 100],
  [150, 200],
]);

const compose = (inputs: Record<string, unknown>) =>
  runForFrames('ImageCompositeMasked', { destination: [ground], source: [stamp], x: 0, y: 0, resize_source: false, ...inputs }, context);

describe('ImageCompositeMasked', () => {
  it('lays the source at its place', async () => {
    expect(rowsOf((await compose({ x: 1 }))[0])).toEqual([[0, 50, 100], [0, 150, 200]]);
  });

  it('leaves out what hangs over any edge', async () => {
    expect(rowsOf((await compose({ x: 2, y: 1 }))[0])).toEqual([[0, 0, 0], [0, 0, 50]]);
    expect(rowsOf((await compose({ x: -1, y: -1 }))[0])).toEqual([[200, 0, 0], [0, 0, 0]]);
  });

  it.each([[3, 0], [0, 2], [16384, 16384], [-5, 0]])('changes nothing when placed wholly outside, at %d, %d', async (x, y) => {
    expect(rowsOf((await compose({ x, y }))[0])).toEqual(rowsOf(ground));
  });

  it('mixes by the mask', async () => {
    const mask = [maskOf([[1, 0], [0.5, 1]])];
    expect(rowsOf((await compose({ destination: [gray([[100, 100], [100, 100]])], mask }))[0])).toEqual([[50, 100], [125, 200]]);
  });

  it('scales mask and source', async () => {
    expect(rowsOf((await compose({ mask: [maskOf([[1]])] }))[0])).toEqual([[50, 100, 0], [150, 200, 0]]);
    expect(rowsOf((await compose({ source: [gray([[7]])], resize_source: true }))[0])).toEqual([[7, 7, 7], [7, 7, 7]]);
  });

  it('starts a shorter source over and stops with the destination', async () => {
    const batch = await compose({ destination: [ground, ground, ground], source: [gray([[1]]), gray([[2]])] });
    expect(batch.map((frame) => rowsOf(frame)[0]?.[0])).toEqual([1, 2, 1]);
  });

  it('fits the source\'s channels to the destination\'s', async () => {
    const clear: Picture = filled({ width: 1, height: 1, channels: 4 }, 0);
    const [frame] = await compose({ destination: [clear], source: [gray([[9]])] });
    expect([0, 1, 2, 3].map((channel) => rowsOf(frame, channel)[0]?.[0])).toEqual([9, 9, 9, 255]);
    expect((await compose({ source: [clear] }))[0]?.channels).toBe(3);
  });

  it('does not change the destination itself', async () => {
    await compose({});
    expect(rowsOf(ground)).toEqual([[0, 0, 0], [0, 0, 0]]);
  });
});
