import { mkdir, readdir } from 'node:fs/promises';
import path from 'node:path';
import type { Picture } from '../../node.ts';
import { NodeFailure } from '../../node.ts';

/** Where a save node writes: `folder` is absolute and exists, `subfolder` is relative to the output folder. */
export interface SaveTarget {
  readonly folder: string;
  readonly subfolder: string;
  readonly name: string;
  readonly counter: number;
}

const two = (value: number): string => String(value).padStart(2, '0');

/** Fills %width%, %height% and the local time's %year% … %second%. */
export const fillPlaceholders = (prefix: string, { width, height }: Pick<Picture, 'width' | 'height'>, now: Date): string => {
  const values: Readonly<Record<string, string>> = {
    width: String(width),
    height: String(height),
    year: String(now.getFullYear()),
    month: two(now.getMonth() + 1),
    day: two(now.getDate()),
    hour: two(now.getHours()),
    minute: two(now.getMinutes()),
    second: two(now.getSeconds()),
  };
  return prefix.replace(/%(width|height|year|month|day|hour|minute|second)%/gu, (whole, key: string) => values[key] ?? whole);
};

const commonFolder = (a: string, b: string): string => {
  const left = a.split(path.sep);
  const right = b.split(path.sep);
  const shared = left.findIndex((part, i) => part !== right[i]);
  return (shared < 0 ? left : left.slice(0, shared)).join(path.sep) || path.sep;
};

const assertInside = (folder: string, base: string): void => {
  if (folder === base || folder.startsWith(base + path.sep)) return;
  throw new NodeFailure(
    'Exception',
    '**** ERROR: Saving image outside the output folder is not allowed.' +
      `\n full_output_folder: ${folder}\n         output_dir: ${base}\n         commonpath: ${commonFolder(folder, base)}`,
  );
};

/** The number after the highest `name_NNNNN_…` in the folder. */
export const nextCounter = (names: readonly string[], name: string): number => {
  const taken = names.filter((file) => file.startsWith(`${name}_`)).map((file) => /^\d+/u.exec(file.slice(name.length + 1))?.[0] ?? '0');
  return Math.max(0, ...taken.map(Number)) + 1;
};

/** Turns a filename prefix into a place inside `base`, creating its folder. Leaving `base` is refused. */
export const saveTarget = async (prefix: string, base: string, size: Pick<Picture, 'width' | 'height'>): Promise<SaveTarget> => {
  const normal = path.normalize(fillPlaceholders(prefix.replaceAll('\0', ''), size, new Date())).replace(/\/+$/u, '');
  const root = path.resolve(base);
  const folder = path.resolve(root, path.dirname(normal));
  assertInside(folder, root);
  await mkdir(folder, { recursive: true });
  const name = path.basename(normal);
  return { folder, subfolder: path.relative(root, folder), name, counter: nextCounter(await readdir(folder), name) };
};

/** `name_00001_.png`, the batch number filled in. */
export const fileName = (target: SaveTarget, index: number, extension: string): string =>
  `${target.name.replaceAll('%batch_num%', String(index))}_${String(target.counter + index).padStart(5, '0')}_.${extension}`;
