import { createHash } from 'node:crypto';
import { readFile, stat } from 'node:fs/promises';
import path from 'node:path';
import type { Folders } from '../../node.ts';

const ANNOTATION = /^(?<name>.*?)\s*\[(?<folder>input|output|temp)\]$/su;

const isFolder = (name: string | undefined): name is keyof Folders => name === 'input' || name === 'output' || name === 'temp';

/** `a/b.png [output]` to a path inside that folder (default input), or undefined if it would leave the folder. */
export const pathOfInput = (annotated: string, folders: Folders): string | undefined => {
  const found = ANNOTATION.exec(annotated)?.groups;
  const folder = isFolder(found?.folder) ? found.folder : 'input';
  const base = path.resolve(folders[folder]);
  const name = found?.name ?? annotated;
  if (name.includes('\0')) return undefined;
  const full = path.resolve(base, name);
  return full.startsWith(base + path.sep) ? full : undefined;
};

/** The path of an existing regular file, else undefined. */
export const existingInput = async (annotated: string, folders: Folders): Promise<string | undefined> => {
  const full = pathOfInput(annotated, folders);
  if (full === undefined) return undefined;
  const found = await stat(full).catch(() => undefined);
  return found?.isFile() ? full : undefined;
};

/** SHA-256 of a file's content in hexadecimal. */
export const contentHash = async (file: string): Promise<string> => createHash('sha256').update(await readFile(file)).digest('hex');
