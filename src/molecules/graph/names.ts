/** How a text names a file on a ComfyUI server, and what else it could be taken for. Pure. */
import type { FileRef, FileType } from '../../models/file.ts';

const ANNOTATION = / \[(input|output|temp)\]$/;
/** ComfyUI looks at the bracket alone and cuts off one character before it, whatever that is. Nodes may be less careful still. */
const BRACKET = /\[(input|output|temp)\]$/i;
/** A file's name with a bracket behind it, as opposed to a sentence that ends in such a word. */
const ANNOTATED_FILE = /\.[a-z0-9]{1,10}.{0,2}\[(input|output|temp)\]$/isu;
const EXTENSION = /\.(?=\d{0,9}[a-z])[a-z0-9]{1,10}$/i;
/** Characters of a path that any system takes. */
const LONGEST = 4_096;
/** Files that belong to nobody: models, and what describes them. */
const SHARED = /\.(safetensors|sft|ckpt|pt|pt2|pth|bin|pkl|gguf|onnx|engine|ya?ml)$/i;

export interface FileName {
  readonly ref: FileRef;
  /** Whether it says ` [input]`, ` [output]` or ` [temp]`. */
  readonly annotated: boolean;
}

/** As ComfyUI reads the text of an upload: ` [type]` at the end overrides the folder, a directory part becomes the subfolder. */
export function fileName(text: string): FileName {
  const annotation = ANNOTATION.exec(text);
  const path = annotation ? text.slice(0, annotation.index) : text;
  const slash = path.lastIndexOf('/');
  const type: FileType = annotation?.[1] === 'output' ? 'output' : annotation?.[1] === 'temp' ? 'temp' : 'input';
  return { ref: { filename: path.slice(slash + 1), subfolder: slash < 0 ? '' : path.slice(0, slash), type }, annotated: annotation !== null };
}

/**
 * Whether ComfyUI takes the text for the file that `fileName` says, on every system: no way up or out, no bracket in
 * disguise, one spelling only. Windows knows other spellings by `\`, `:`, `~1`, and a dot or space at the end.
 */
export function isPlain(text: string): boolean {
  if (text.length > LONGEST) return false;
  const path = text.replace(ANNOTATION, '');
  if (BRACKET.test(path) || /[\\:\u0000-\u001f\u007f]/.test(path) || bare(path) !== path) return false;
  return path.split('/').every((name) => name !== '' && name !== '..' && !/[. ]$/.test(name) && !/~\d+(\.[^.]{0,3})?$/.test(name));
}

/** Whether the text names a file and a folder by ComfyUI's bracket, wherever it stands. */
export const isAnnotatedFile = (text: string): boolean => ANNOTATED_FILE.test(bare(text));

/** Whether a path leads out of the folder that it is joined to. */
export const leadsOut = (text: string): boolean => /^([\\/~]|[a-z]:)|(^|[\\/])\.\.([\\/]|$)/i.test(bare(text));

/** A path as nodes may read it that take paths: the file's name and the folders before it, innermost last. */
export interface PathName {
  readonly filename: string;
  readonly folders: readonly string[];
}

/** Undefined for what has no extension, or that of a model: every file that belongs to a key has one. */
export function pathName(text: string): PathName | undefined {
  if (!text.includes('.')) return undefined;
  const path = bare(text).slice(-LONGEST).replace(/.?\[(input|output|temp)\]$/isu, '');
  const parts = path.replace(/^[a-z]:/i, '').split(/[\\/]/);
  const filename = trimmedEnd((parts.pop() ?? '').replace(/:.*$/s, ''), '. ');
  if (!EXTENSION.test(filename) || SHARED.test(filename)) return undefined;
  const folders: string[] = [];
  for (const part of parts) {
    if (part === '..') folders.pop();
    else if (part !== '' && part !== '.') folders.push(part);
  }
  return { filename, folders };
}

const AROUND = ' \t\r\n\v\f\u00a0"\'';

/** Without the white space and quotation marks around it, which some nodes take off. */
function bare(text: string): string {
  let from = 0;
  while (from < text.length && AROUND.includes(text.charAt(from))) from += 1;
  return trimmedEnd(text.slice(from), AROUND);
}

/** Letter by letter: a pattern would look at a long row of spaces again from each of them. */
function trimmedEnd(text: string, letters: string): string {
  let to = text.length;
  while (to > 0 && letters.includes(text.charAt(to - 1))) to -= 1;
  return text.slice(0, to);
}
