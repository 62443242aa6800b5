/** Inputs of a workflow that name files. Pure. */
import { limits } from '../../constants/limits.ts';
import type { FileRef } from '../../models/file.ts';
import type { NodeDeclarations } from '../../models/node-declaration.ts';
import { fileName, isAnnotatedFile } from './names.ts';
import { type InputPlace, inputsOf, linkedNode } from './read.ts';
import { rolesBy } from './roles.ts';
import { eachText, type Place, withTexts } from './texts.ts';

export interface FileReference extends InputPlace {
  /** Where the text lies inside the value of the input. */
  readonly at: Place;
  /** The text as the caller wrote it. */
  readonly value: string;
  readonly ref: FileRef;
  /** Whether the caller said ` [input]`, ` [output]` or ` [temp]`. */
  readonly annotated: boolean;
}

const MEDIA = /\.(png|jpe?g|webp|gif|bmp|tiff?|mp4|webm|mov|m4v|wav|mp3|flac|ogg|avif)( \[(input|output|temp)\])?$/i;
/** Inputs whose texts are names of files most of the time, also without an extension. */
const FILES = /^(image|images|mask|video|audio|file|model_file)$/;

/**
 * Whether names may have to be replaced by those that the server knows. For callers who may use every file: most of
 * their graphs have none, and no instance has to be asked what it declares.
 */
export function mayNameFiles(workflow: Readonly<Record<string, unknown>>): boolean {
  let found = false;
  for (const { input, value } of inputsOf(workflow)) eachText(value, (text) => void (found ||= FILES.test(input) || MEDIA.test(text)));
  return found;
}

/**
 * References of inputs that an instance declares as uploads; with `everywhere` also texts elsewhere that end in
 * ComfyUI's bracket. A list of more than `limits.fileReferences` is cut off after one more.
 */
export function fileReferences(workflow: Readonly<Record<string, unknown>>, all: readonly NodeDeclarations[], everywhere: boolean): FileReference[] {
  const found: FileReference[] = [];
  const roles = rolesBy(all);
  for (const { nodeId, classType, input, value } of inputsOf(workflow)) {
    if (linkedNode(value) !== undefined) continue;
    const upload = roles(classType, input).role === 'upload';
    if (!upload && !everywhere) continue;
    eachText(value, (text, at) => {
      if (found.length > limits.fileReferences || !(upload || isAnnotatedFile(text))) return;
      found.push({ nodeId, classType, input, at: [...at], value: text, ...fileName(text) });
    });
  }
  return found;
}

export interface Rewriting {
  readonly nodeId: string;
  readonly input: string;
  readonly at: Place;
  readonly text: string;
}

/** The workflow with other texts in some inputs; the caller's object stays as it is. */
export function rewrite(workflow: Readonly<Record<string, unknown>>, changes: readonly Rewriting[]): Record<string, unknown> {
  const byNode = Map.groupBy(changes, (change) => change.nodeId);
  return Object.fromEntries(Object.entries(workflow).map(([nodeId, node]) => [nodeId, rewritten(node, byNode.get(nodeId) ?? [])]));
}

function rewritten(node: unknown, changes: readonly Rewriting[]): unknown {
  return withTexts(node, changes.map(({ input, at, text }) => ({ at: ['inputs', input, ...at], text })));
}
