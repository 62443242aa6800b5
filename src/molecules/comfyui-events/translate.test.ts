import { readdirSync, readFileSync } from 'node:fs';
import { describe, expect, test } from 'vitest';
import { z } from 'zod';
import { containing } from '../../../tests/support/matchers.ts';
import type { UpstreamEvent } from '../../models/upstream-event.ts';
import { translate } from './translate.ts';

const folder = new URL('../../../tests/fixtures/comfyui/ws/', import.meta.url);
const blob = (name: string): Buffer => readFileSync(new URL(`blobs/${name}.bin`, folder));
const text = (value: unknown): UpstreamEvent => translate({ kind: 'text', text: typeof value === 'string' ? value : JSON.stringify(value) });
const binary = (data: Buffer): UpstreamEvent => translate({ kind: 'binary', data });

const Received = z.looseObject({ kind: z.literal('ws_recv'), text: z.string() });

/** Every text frame that was recorded. */
function recordedTexts(): string[] {
  const files = readdirSync(folder, { recursive: true, encoding: 'utf8' }).filter((name) => name.endsWith('.jsonl'));
  const lines = files.flatMap((name) => readFileSync(new URL(name, folder), 'utf8').trim().split('\n'));
  return lines.flatMap((line) => Received.safeParse(JSON.parse(line)).data?.text ?? []);
}

describe('a text frame', () => {
  test('of any recording is understood', () => {
    const frames = recordedTexts();
    expect(frames.length).toBeGreaterThan(500);
    const events = frames.map(text);
    expect(events.filter((event) => event.kind === 'other')).toEqual([]);
    expect(new Set(events.map((event) => event.kind))).toEqual(new Set(['status', 'flags', 'prompt', 'resumed']));
  });

  test('about a prompt keeps the data of ComfyUI untouched', () => {
    const data = { node: '3', display_node: '3', prompt_id: 'abc', extra: [1] };
    expect(text({ type: 'executing', data })).toEqual({ kind: 'prompt', type: 'executing', promptId: 'abc', data });
  });

  test('tells how many prompts remain', () => {
    expect(text({ type: 'status', data: { status: { exec_info: { queue_remaining: 3 } }, sid: 'x' } })).toEqual({ kind: 'status', queueRemaining: 3 });
  });

  test('that says executing without a prompt is the greeting of a socket that came back', () => {
    expect(text({ type: 'executing', data: { node: '4' } })).toEqual({ kind: 'resumed', nodeId: '4' });
  });

  test('with a bare NaN is read as null', () => {
    expect(text('{"type": "executed", "data": {"prompt_id": "a", "node": "1", "output": {"x": [NaN, -Infinity, "NaN"]}}}')).toMatchObject({ data: { output: { x: [null, null, 'NaN'] } } });
  });

  test('with integers beyond 2^53 keeps their digits', () => {
    const event = text('{"type": "executed", "data": {"prompt_id": "a", "seed": 18446744073709551557}}');
    expect(JSON.stringify(event)).toContain('18446744073709551557');
  });

  test.each([
    ['that is cut in half', '{"type": "progress", "data": {"val', 'not JSON', true],
    ['that is a list', '[1, 2]', 'without type and data', true],
    ['without data', '{"type": "status"}', 'without type and data', true],
    ['of a type that nobody knows', '{"type": "dance", "data": {}}', 'type dance', false],
    ['of a run, without its prompt', '{"type": "executed", "data": {"node": "1"}}', 'without prompt_id', false],
    ['with a status of another shape', '{"type": "status", "data": {"status": null}}', 'without queue_remaining', false],
    ['that is empty', '', 'not JSON', true],
  ])('%s is told as other, never thrown, and whether nobody could read it', (_what, frame, why, unread) => {
    expect(text(frame)).toEqual({ kind: 'other', what: containing(why), unread });
  });

  test('of an endless type is told with the beginning of it', () => {
    const event = text({ type: 'x'.repeat(10_000), data: {} });
    expect(event.kind === 'other' && event.what.length).toBeLessThan(100);
  });
});

describe('a binary frame', () => {
  test('of event 1 is a preview of whatever runs', () => {
    const frame = blob('04-preview-legacy-1');
    expect(binary(frame)).toEqual({ kind: 'preview', promptId: undefined, nodeId: undefined, png: false, frame, offset: 8 });
    expect(binary(blob('13-save-image-websocket-1'))).toMatchObject({ png: true });
  });

  test('of event 4 is a preview with its prompt and node; the picture begins behind the metadata', () => {
    const frame = blob('05-preview-metadata-1');
    const event = binary(frame);
    expect(event).toMatchObject({ kind: 'preview', promptId: '00000000-0000-4000-9000-000000000103', nodeId: '2', png: false });
    const offset = event.kind === 'preview' ? event.offset : 0;
    expect(frame.subarray(offset, offset + 2).toString('hex')).toBe('ffd8');
    expect(binary(blob('13-save-image-websocket-3'))).toMatchObject({ png: true });
  });

  test('of event 3 is a text of a node', () => {
    expect(binary(blob('18-progress-text-1'))).toEqual({ kind: 'text', nodeId: '2', text: 'width: 20, height: 10\n batch size: 1' });
  });

  test.each([
    ['of 6 bytes', Buffer.alloc(6), 'of 6 bytes'],
    ['of an unknown event', Buffer.from([0, 0, 0, 9, 0, 0, 0, 1]), 'event 9'],
    ['whose metadata ends early', Buffer.from([0, 0, 0, 4, 0, 0, 1, 0, 123]), 'ends early'],
    ['whose metadata is no JSON', Buffer.from([0, 0, 0, 4, 0, 0, 0, 1, 123]), 'metadata cannot be read'],
    ['whose metadata names no prompt', Buffer.concat([Buffer.from([0, 0, 0, 4, 0, 0, 0, 2]), Buffer.from('{}')]), 'metadata cannot be read'],
  ])('%s is told as other, never thrown, and whether nobody could read it', (_what, frame, why) => {
    const event = binary(frame);
    expect(event.kind === 'other' ? event.what : event.kind).toContain(why);
  });
});
