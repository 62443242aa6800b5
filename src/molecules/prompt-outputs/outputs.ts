/** From ComfyUI's `outputs` to files with kinds. Pure. Shapes: ws 26 and workflows/manifest.json. */
import type { FileType, OutputFile } from '../../models/file.ts';
import { fileTypes } from '../../models/file.ts';

const EXTENSIONS: Readonly<Record<string, OutputFile['kind']>> = {
  png: 'image', jpg: 'image', jpeg: 'image', webp: 'image', gif: 'image', bmp: 'image', tif: 'image', tiff: 'image', avif: 'image', exr: 'image',
  mp4: 'video', webm: 'video', mov: 'video', mkv: 'video', avi: 'video', m4v: 'video',
  wav: 'audio', mp3: 'audio', flac: 'audio', ogg: 'audio', opus: 'audio', m4a: 'audio', aac: 'audio',
};
const KEYS: Readonly<Record<string, OutputFile['kind']>> = { images: 'image', gifs: 'image', video: 'video', videos: 'video', audio: 'audio', audios: 'audio' };

/** Node id → what the node showed (`{images: […]}`, `{text: […]}`, or any other key with files). */
export type Outputs = Readonly<Record<string, Readonly<Record<string, unknown>>>>;

interface NamedFile {
  readonly filename: string;
  readonly subfolder: string;
  readonly type: string;
}

/** Where a file is fetched. Given from above, since it depends on the address that clients use. */
export type UrlOf = (ref: { filename: string; subfolder: string; type: FileType }) => string;

/** Every file and text of every node, in the order of the nodes. Nothing with a file name is left out. */
export function filesOf(outputs: Outputs, urlOf: UrlOf): OutputFile[] {
  return Object.entries(outputs).flatMap(([nodeId, shown]) => filesOfNode(nodeId, shown, urlOf));
}

/** Files and texts of one node. */
export function filesOfNode(nodeId: string, shown: Readonly<Record<string, unknown>>, urlOf: UrlOf): OutputFile[] {
  const found: OutputFile[] = [];
  for (const [key, values] of Object.entries(shown)) {
    for (const value of Array.isArray(values) ? values : []) {
      const file = namedFile(value);
      if (file) found.push(outputFile(nodeId, key, { file, urlOf }));
      else if (key === 'text' && typeof value === 'string') found.push({ filename: '', subfolder: '', type: 'text', node_id: nodeId, kind: 'text', text: value });
    }
  }
  return found;
}

function outputFile(nodeId: string, key: string, { file, urlOf }: { file: NamedFile; urlOf: UrlOf }): OutputFile {
  const kind = EXTENSIONS[file.filename.slice(file.filename.lastIndexOf('.') + 1).toLowerCase()] ?? KEYS[key] ?? 'file';
  const type = fileTypes.find((known) => known === file.type);
  return { ...file, node_id: nodeId, kind, ...(type ? { url: urlOf({ filename: file.filename, subfolder: file.subfolder, type }) } : {}) };
}

function namedFile(value: unknown): NamedFile | undefined {
  if (typeof value !== 'object' || value === null || !('filename' in value) || typeof value.filename !== 'string' || value.filename === '') return undefined;
  const subfolder = 'subfolder' in value && typeof value.subfolder === 'string' ? value.subfolder : '';
  const type = 'type' in value && typeof value.type === 'string' ? value.type : 'output';
  return { filename: value.filename, subfolder, type };
}
