/** Inputs of a workflow that name files. Pure. */
import type { FileRef, FileType } from '../../models/file.ts';
import type { NodeDeclarations } from '../../models/node-declaration.ts';
import { nodesOf } from './read.ts';

export interface FileReference {
  readonly nodeId: string;
  readonly classType: string;
  readonly input: string;
  /** The text as the caller wrote it. */
  readonly value: string;
  readonly ref: FileRef;
  /** Whether the caller said ` [input]`, ` [output]` or ` [temp]`. */
  readonly annotated: boolean;
}

const MEDIA = /\.(png|jpe?g|webp|gif|bmp|tiff?|mp4|webm|mov|m4v|wav|mp3|flac|ogg|avif)( \[(input|output|temp)\])?$/i;
const ANNOTATION = / \[(input|output|temp)\]$/;
/** ComfyUI looks at the bracket alone and cuts off one character before it, whatever that is. */
const BRACKET = /\[(input|output|temp)\]$/;

/** Texts that end like a media file's name or name a folder. Most graphs have none, and nobody has to be asked. */
export function mayNameFiles(workflow: Readonly<Record<string, unknown>>): boolean {
  return [...nodesOf(workflow).nodes.values()].some((node) => Object.values(node.inputs).some((value) => typeof value === 'string' && (MEDIA.test(value) || BRACKET.test(value))));
}

/** Whether ComfyUI takes the text for the file that `ref` says: no way up or out, no bracket in disguise, one spelling only. */
export function isPlain(value: string): boolean {
  const path = value.replace(ANNOTATION, '');
  return !BRACKET.test(path) && !path.includes('\\') && path.split('/').every((name) => name !== '' && name !== '.' && name !== '..');
}

/**
 * References of inputs that the instance declares as uploads. ` [type]` at the end overrides the folder, as in
 * ComfyUI; a directory part becomes the subfolder.
 */
export function fileReferences(workflow: Readonly<Record<string, unknown>>, declarations: NodeDeclarations): FileReference[] {
  const found: FileReference[] = [];
  for (const [nodeId, node] of nodesOf(workflow).nodes) {
    for (const [input, value] of Object.entries(node.inputs)) {
      if (typeof value !== 'string' || value.length > 1024) continue;
      const declared = declarations.get(node.classType)?.inputs.get(input);
      if (declared?.upload) found.push({ nodeId, classType: node.classType, input, value, ...parse(value) });
    }
  }
  return found;
}

function parse(value: string): { ref: FileRef; annotated: boolean } {
  const annotation = ANNOTATION.exec(value);
  const path = annotation ? value.slice(0, annotation.index) : value;
  const slash = path.lastIndexOf('/');
  const type: FileType = annotation?.[1] === 'output' ? 'output' : annotation?.[1] === 'temp' ? 'temp' : 'input';
  return { ref: { filename: path.slice(slash + 1), subfolder: slash < 0 ? '' : path.slice(0, slash), type }, annotated: annotation !== null };
}

/** The workflow with other texts in some inputs; the caller's object stays as it is. */
export function rewrite(workflow: Readonly<Record<string, unknown>>, changes: readonly { nodeId: string; input: string; value: string }[]): Record<string, unknown> {
  const copy: Record<string, unknown> = { ...workflow };
  const { nodes } = nodesOf(workflow);
  for (const change of changes) {
    const node = copy[change.nodeId];
    const inputs = nodeInputs(node) ?? nodes.get(change.nodeId)?.inputs ?? {};
    copy[change.nodeId] = { ...(typeof node === 'object' ? node : {}), inputs: { ...inputs, [change.input]: change.value } };
  }
  return copy;
}

function nodeInputs(node: unknown): Readonly<Record<string, unknown>> | undefined {
  return typeof node === 'object' && node !== null && 'inputs' in node && typeof node.inputs === 'object' && node.inputs !== null ? { ...node.inputs } : undefined;
}
