import { readFileSync } from 'node:fs';
import { describe, expect, test } from 'vitest';
import { z } from 'zod';
import { HistoryEntry } from '../../models/comfyui.ts';
import { endingOf, entryOf } from './ending.ts';
import { filesOf, type UrlOf } from './outputs.ts';

const urlOf: UrlOf = (ref) => `/${ref.type}/${ref.subfolder}/${ref.filename}`;
const fixtures = new URL('../../../tests/fixtures/comfyui/', import.meta.url);

const Manifest = z.object({ workflows: z.record(z.string(), z.object({ history_outputs: z.record(z.string(), z.record(z.string(), z.unknown())), files: z.array(z.object({ node: z.string(), filename: z.string(), subfolder: z.string(), type: z.string() })) })) });
const { workflows } = Manifest.parse(JSON.parse(readFileSync(new URL('workflows/manifest.json', fixtures), 'utf8')));

describe('the files of a run', () => {
  test.each(Object.entries(workflows))('of the recorded graph %s are all found, with their nodes', (_name, { history_outputs: outputs, files }) => {
    const found = filesOf(outputs, urlOf).filter((file) => file.kind !== 'text');
    const named = (file: { filename: string; subfolder: string; type: string }): string => `${file.type}/${file.subfolder}/${file.filename}`;
    expect(new Set(found.map(named))).toEqual(new Set(files.map(named)));
    for (const file of found) expect(file.url).toBe(`/${named(file)}`);
  });

  test.each([
    ['a.png', 'images', 'image'],
    ['a.WEBP', 'images', 'image'],
    ['a.webm', 'images', 'video'],
    ['a.mp4', 'gifs', 'video'],
    ['a.flac', 'audio', 'audio'],
    ['a.bin', 'images', 'image'],
    ['a.glb', '3d', 'file'],
    ['noextension', 'result', 'file'],
  ])('named %s under %s are of kind %s', (filename, key, kind) => {
    expect(filesOf({ '1': { [key]: [{ filename, subfolder: '', type: 'output' }] } }, urlOf)).toMatchObject([{ node_id: '1', kind, filename }]);
  });

  test('include texts, and leave out what names no file', () => {
    const shown = { text: ['hello', 5], animated: [true], images: [null, 'x', {}, { filename: '' }, { filename: 3 }], odd: 'text' };
    expect(filesOf({ '7': shown }, urlOf)).toEqual([{ filename: '', subfolder: '', type: 'text', node_id: '7', kind: 'text', text: 'hello' }]);
  });

  test('of a folder that is not known have no address', () => {
    expect(filesOf({ '1': { images: [{ filename: 'a.png', subfolder: '', type: 'elsewhere' }] } }, urlOf)[0]?.url).toBeUndefined();
  });

  test('that say no folder are outputs', () => {
    expect(filesOf({ '1': { images: [{ filename: 'a.png' }] } }, urlOf)[0]).toMatchObject({ type: 'output', subfolder: '', url: '/output//a.png' });
  });
});

const Http = z.looseObject({ kind: z.literal('http'), request: z.object({ path: z.string() }), response: z.object({ body: z.string().optional() }) });

/** Every history entry that a trace asked for. */
function recordedEntries(file: string): HistoryEntry[] {
  const lines = readFileSync(new URL(`ws/${file}`, fixtures), 'utf8').trim().split('\n');
  return lines.flatMap((line) => {
    const http = Http.safeParse(JSON.parse(line)).data;
    if (!http?.request.path.startsWith('/history/') || http.response.body === undefined) return [];
    return Object.values(z.record(z.string(), HistoryEntry).parse(JSON.parse(http.response.body)));
  });
}

describe('the ending of a history entry', () => {
  test('tells an interruption from an error, which ComfyUI calls by the same name', () => {
    const interrupted = recordedEntries('08-interrupt-by-prompt-id.jsonl').map((entry) => endingOf(entry).state);
    expect(interrupted).toContain('interrupted');
    const failed = recordedEntries('06-execution-error.jsonl').map(endingOf).filter((ending) => ending.state === 'failed');
    expect(failed.length).toBeGreaterThan(0);
    for (const { error } of failed) expect(error).toMatchObject({ code: 'WORKFLOW_EXECUTION_ERROR', reason: expect.stringMatching(/^Node \S+ \(\w+\) raised \w+/) as unknown });
  });

  test('of a run with a blocked branch is completed', () => {
    expect(recordedEntries('nodes/20-execution-blocker.jsonl').map((entry) => endingOf(entry).state)).toEqual(['completed', 'completed']);
  });

  test('carries ComfyUI’s own times', () => {
    const [ending] = recordedEntries('nodes/20-execution-blocker.jsonl').map(endingOf);
    expect(ending?.startedAt).toBeLessThanOrEqual(ending?.endedAt ?? 0);
  });

  test('of an entry without a status is completed', () => {
    expect(endingOf(HistoryEntry.parse({ prompt: [], outputs: {} }))).toEqual({ state: 'completed', error: undefined, startedAt: undefined, endedAt: undefined });
  });

  test('of an error without any word about it still says something', () => {
    const entry = HistoryEntry.parse({ prompt: [], outputs: {}, status: { status_str: 'error', completed: false, messages: [['execution_error', null]] } });
    expect(endingOf(entry)).toMatchObject({ state: 'failed', error: { code: 'WORKFLOW_EXECUTION_ERROR', reason: 'A node raised an exception.' } });
  });
});

describe('an entry made from messages', () => {
  const outputs = { '3': { images: [{ filename: 'a.png', subfolder: '', type: 'output' }] } };

  test('ends well when they told of nothing else, with the files that they named', () => {
    const entry = entryOf(outputs, undefined);
    expect(endingOf(entry)).toEqual({ state: 'completed', error: undefined, startedAt: undefined, endedAt: undefined });
    expect(filesOf(entry.outputs, urlOf)).toMatchObject([{ node_id: '3', filename: 'a.png' }]);
  });

  test('ends as the error or the interrupt that they told of', () => {
    const data = { node_id: '2', node_type: 'Raise', exception_type: 'ValueError', exception_message: 'no', timestamp: 7 };
    expect(endingOf(entryOf(outputs, { type: 'execution_error', data }))).toMatchObject({ state: 'failed', error: { node_id: '2', class_type: 'Raise' }, endedAt: 7 });
    expect(endingOf(entryOf({}, { type: 'execution_interrupted', data: {} })).state).toBe('interrupted');
  });

  test('is one that ComfyUI could have written', () => {
    expect(HistoryEntry.parse(entryOf(outputs, undefined))).toEqual(entryOf(outputs, undefined));
  });
});
