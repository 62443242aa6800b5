import { mkdir, rm, stat } from 'node:fs/promises';
import path from 'node:path';
import type { Folders } from './node.ts';

/** input, output and temp below one data folder. */
export function foldersIn(dataDir: string): Folders {
  const root = path.resolve(dataDir);
  return { input: path.join(root, 'input'), output: path.join(root, 'output'), temp: path.join(root, 'temp') };
}

/** A start: the temp folder is emptied, input and output stay (ws 34). */
export async function prepareFolders(folders: Folders): Promise<void> {
  await rm(folders.temp, { recursive: true, force: true });
  for (const folder of [folders.input, folders.output, folders.temp]) await mkdir(folder, { recursive: true });
}

export function folderOfType(folders: Folders, type: string): string | undefined {
  return type === 'input' || type === 'output' || type === 'temp' ? folders[type] : undefined;
}

/** Whether `target` is `folder` or below it. */
export function isInside(folder: string, target: string): boolean {
  const way = path.relative(folder, target);
  return way === '' || !(way === '..' || way.startsWith(`..${path.sep}`) || path.isAbsolute(way));
}

export async function isFile(file: string): Promise<boolean> {
  const found = await stat(file).catch(noSuchFile);
  return found?.isFile() === true;
}

export async function exists(file: string): Promise<boolean> {
  return (await stat(file).catch(noSuchFile)) !== undefined;
}

/** `name [input]` names the folder itself; the suffix wins over `type` (http/view). */
export function annotated(folders: Folders, name: string): { name: string; folder: string | undefined } {
  const match = /^(.*?) ?\[(input|output|temp)\]$/s.exec(name);
  return match ? { name: match[1] ?? '', folder: folderOfType(folders, match[2] ?? '') } : { name, folder: undefined };
}

function noSuchFile(error: unknown): undefined {
  const code = error instanceof Error && 'code' in error ? error.code : undefined;
  if (code === 'ENOENT' || code === 'ENOTDIR' || code === 'ENAMETOOLONG') return undefined;
  throw error;
}
