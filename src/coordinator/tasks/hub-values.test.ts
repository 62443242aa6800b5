import { describe, expect, it } from 'vitest';
import type { HubApp } from '../../models/runninghub.ts';
import type { HostedValue } from '../../models/task.ts';
import type { MediaKind } from '../../models/template.ts';
import { storedNames, withMedia } from './hub-values.ts';

const [mine, theirs] = [`${'a'.repeat(32)}.png`, `${'b'.repeat(32)}.mp4`];
const own = '/api/v1/images/download?filename=out.webm&prompt_id=t';
const app: HubApp = {
  name: '', description: '', description_en: '', needs_password: false, statistics: {}, covers: [], tags: [],
  inputs: [{ node_id: '1', class_type: 'LoadImage', field: 'image', type: 'IMAGE', upload: 'image' }, { node_id: '2', class_type: 'Text', field: 'text', type: 'STRING' }],
};
const value = (fieldValue: unknown, over: Partial<HostedValue> = {}): HostedValue => ({ nodeId: '1', fieldName: 'image', fieldValue, ...over });
const known = { mine: new Map<string, MediaKind>([[mine, 'image']]), app: undefined };
const media = (one: HostedValue, of: Parameters<typeof withMedia>[1] = known): MediaKind | undefined => withMedia([one], of)[0]?.media;

describe('a value', () => {
  it.each([
    ['an upload of the caller', value(mine), known, 'image'],
    ['an address where the caller says that a file is wanted', value('https://x.example/a', { media: 'video' }), known, 'video'],
    ['an address where the app says so', value('https://x.example/a'), { ...known, app }, 'image'],
    ['a data URI where the app says so', value('data:image/png;base64,AA=='), { ...known, app }, 'image'],
    ['a file that we hand out, of a workflow', value(own), known, 'video'],
  ] as const)('is a file where it is %s', (_what, one, of, kind) => {
    expect(media(one, of)).toBe(kind);
  });

  it.each([
    ['an address of which nobody says that', value('https://x.example/a'), known],
    ['an address in a text of an app', value('https://x.example/a', { nodeId: '2', fieldName: 'text' }), { ...known, app }],
    ['a file of ours in a text of an app', value(own, { nodeId: '2', fieldName: 'text' }), { ...known, app }],
    ['a name that lies there', value('api/abc.png', { media: 'image' }), known],
    ['a number', value(7, { media: 'image' }), known],
    ['a file of ours without a name', value('/api/v1/images/download?prompt_id=t'), known],
  ] as const)('is none where it is %s', (_what, one, of) => {
    expect(media(one, of)).toBeUndefined();
  });

  it('that names an upload of somebody else, or nothing where a file is wanted, is refused with its place', () => {
    const refused = (): unknown => withMedia([value(mine), value(theirs), value('', { media: 'image' }), value('')], known);
    expect(refused).toThrow(expect.objectContaining({ code: 'VALIDATION_ERROR', faults: [expect.objectContaining({ input: 'nodeInfoList.1', type: 'unknown_upload' }), expect.objectContaining({ input: 'nodeInfoList.2', type: 'empty' })] }) as Error);
  });

  it('is looked up where it may be the name of an upload', () => {
    expect(storedNames([value(mine), value('a.png'), value(5), value(theirs)])).toEqual([mine, theirs]);
  });
});
