import { Readable } from 'node:stream';
import { describe, expect, it } from 'vitest';
import { limits } from '../../constants/limits.ts';
import type { HubOutput } from '../../models/runninghub.ts';
import { outputOf } from './runninghub-outputs.ts';

const parts = { publicUrl: 'https://gateway.example', files: { open: () => Promise.resolve({ body: Readable.from([]), size: 0 }) } };
const job = { id: '4711', caller: { key: 'ann', admin: false }, taskId: 'task' };
const made = (output: Partial<HubOutput>) => outputOf({ url: undefined, text: undefined, fileType: 'png', nodeId: '9', ...output }, 0, { job, parts });
const long = 'x'.repeat(limits.runninghubTextLength + 1);

describe('an output of RunningHub', () => {
  it.each([
    [{ url: 'https://h/a.png' }, { filename: '4711_1.png', kind: 'image', node_id: '9', url: 'https://gateway.example/api/v1/images/download?filename=4711_1.png&subfolder=&type=output&prompt_id=task' }],
    [{ url: 'https://h/a.mp4', fileType: 'mp4' }, { filename: '4711_1.mp4', kind: 'video' }],
    [{ url: 'https://h/a.flac', fileType: 'flac' }, { kind: 'audio' }],
    [{ url: 'https://h/a', fileType: '../../x' }, { filename: '4711_1.bin', kind: 'file' }],
    [{ text: 'hello', url: 'https://h/a.txt', fileType: 'txt' }, { filename: '', kind: 'text', text: 'hello' }],
    [{ text: long, url: 'https://h/a.txt', fileType: 'txt' }, { filename: '4711_1.txt', kind: 'file' }],
    [{ text: long }, { kind: 'text', text: long.slice(1) }],
  ])('%j is a file of ours', (output, file) => {
    expect(made(output)).toMatchObject({ folder: 'task', file });
  });

  it('that is neither text nor address is none', () => {
    expect(made({})).toBeUndefined();
  });
});
