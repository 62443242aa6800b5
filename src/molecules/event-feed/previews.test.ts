import { readFileSync } from 'node:fs';
import { describe, expect, test } from 'vitest';
import type { PreviewEvent } from '../../models/upstream-event.ts';
import { previewFrames } from './previews.ts';

const blob = (name: string): Buffer => readFileSync(new URL(`../../../tests/fixtures/comfyui/ws/blobs/${name}.bin`, import.meta.url));
const legacy: PreviewEvent = { kind: 'preview', promptId: undefined, nodeId: undefined, png: false, frame: blob('04-preview-legacy-1'), offset: 8 };
const recorded = blob('05-preview-metadata-1');
const modern: PreviewEvent = { kind: 'preview', promptId: 'p', nodeId: '2', png: false, frame: recorded, offset: 8 + recorded.readUInt32BE(4) };

describe('a preview that came with metadata', () => {
  test('goes on as it is to whoever reads metadata, and as event 1 to the others', () => {
    const frames = previewFrames(modern, 'p', '2');
    expect(frames.withMetadata().data).toBe(recorded);
    const plain = frames.legacy().data;
    expect([plain.readUInt32BE(0), plain.readUInt32BE(4)]).toEqual([1, 1]);
    expect(plain.subarray(8)).toEqual(recorded.subarray(modern.offset));
  });
});

describe('a preview that came without', () => {
  test('goes on as it is, and as event 4 with what is known of it', () => {
    const frames = previewFrames(legacy, 'p', '7');
    expect(frames.legacy().data).toBe(legacy.frame);
    const data = frames.withMetadata().data;
    const end = 8 + data.readUInt32BE(4);
    expect(data.readUInt32BE(0)).toBe(4);
    expect(JSON.parse(data.toString('utf8', 8, end))).toMatchObject({ prompt_id: 'p', node_id: '7', image_type: 'image/jpeg' });
    expect(data.subarray(end)).toEqual(legacy.frame.subarray(8));
  });

  test('of a PNG says so in both forms', () => {
    const frames = previewFrames({ ...modern, png: true }, 'p', undefined);
    expect(frames.legacy().data.readUInt32BE(4)).toBe(2);
    const fromLegacy = previewFrames({ ...legacy, png: true }, 'p', undefined).withMetadata().data;
    expect(fromLegacy.toString('utf8', 8, 8 + fromLegacy.readUInt32BE(4))).toContain('image/png');
  });
});

test('each form is made once, however many watch', () => {
  const frames = previewFrames(modern, 'p', '2');
  expect(frames.legacy()).toBe(frames.legacy());
});
