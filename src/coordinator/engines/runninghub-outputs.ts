/** What came out of a task of RunningHub, as outputs of a job. Pure. */
import { limits } from '../../constants/limits.ts';
import type { EngineJobRef, EngineOutput } from '../../models/engine.ts';
import type { OutputFile } from '../../models/file.ts';
import { fileUrl } from '../../models/file-url.ts';
import { type HubOutput, hubTaskId } from '../../models/runninghub.ts';
import type { RunninghubEngineParts } from './runninghub-parts.ts';

const kinds: Readonly<Record<string, OutputFile['kind']>> = {
  png: 'image', jpg: 'image', jpeg: 'image', webp: 'image', gif: 'image', bmp: 'image', tif: 'image', tiff: 'image', avif: 'image',
  mp4: 'video', webm: 'video', mov: 'video', mkv: 'video', avi: 'video', m4v: 'video',
  wav: 'audio', mp3: 'audio', flac: 'audio', ogg: 'audio', opus: 'audio', m4a: 'audio', aac: 'audio',
};

/** The n-th output of the job. It lies in the folder of our task under a name that no other has; undefined for one that is nothing. */
export function outputOf(output: HubOutput, n: number, { job, parts }: { readonly job: EngineJobRef; readonly parts: Pick<RunninghubEngineParts, 'files' | 'publicUrl'> }): EngineOutput | undefined {
  const { url, text, nodeId: node_id = '' } = output;
  const folder = job.taskId ?? job.id;
  if (text !== undefined && (url === undefined || text.length <= limits.runninghubTextLength)) return { file: { filename: '', subfolder: '', type: 'output', node_id, kind: 'text', text: text.slice(0, limits.runninghubTextLength) }, folder, open: (signal) => parts.files.open(url ?? '', signal) };
  if (url === undefined) return undefined;
  const extension = /^[a-z\d]{1,8}$/.test(output.fileType) ? output.fileType : 'bin';
  const ref = { filename: `${hubTaskId(job.id) ?? job.id}_${n + 1}.${extension}`, subfolder: '', type: 'output' as const };
  const file = { ...ref, url: fileUrl(ref, { promptId: folder, publicUrl: parts.publicUrl }), node_id, kind: kinds[extension] ?? 'file' };
  return { file, folder, fleeting: { url }, open: (signal) => parts.files.open(url, signal) };
}
