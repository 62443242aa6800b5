/** Paths that cannot leave their folder, on any operating system. */
import { lstat, realpath } from 'node:fs/promises';
import { dirname, join, sep } from 'node:path';
import { fail } from '../../core/errors.ts';
import { codeOf } from './disk.ts';

const RESERVED = /^(con|prn|aux|nul|com[\d¹²³]|lpt[\d¹²³])(\..*)?$/i;
const FORBIDDEN = /[\u0000-\u001f\u007f/\\:*?"<>|]/;

/** Bytes of a whole path; Linux takes 4,096 with what ends it. */
const MAX_PATH = 4_000;

/** Whether `name` is one path segment that means the same file everywhere. */
export function isSafeSegment(name: string): boolean {
  if (name === '' || name === '.' || name === '..' || Buffer.byteLength(name) > 255) return false;
  return name.isWellFormed() && !FORBIDDEN.test(name) && !/[. ]$/.test(name) && !RESERVED.test(name);
}

/**
 * The path of `segments` below `root`; slashes inside a segment separate further ones. Throws FILE_OPERATION_ERROR (400) for
 * a segment that is not safe, for a path that is too long, and for a symbolic link that leads out of the folder or nowhere.
 */
export async function inside(root: string, ...segments: string[]): Promise<string> {
  const names = segments.flatMap((segment) => (segment === '' ? [] : segment.split('/')));
  const bad = names.find((name) => !isSafeSegment(name));
  if (bad !== undefined || names.length === 0) throw refusal(bad ?? '');
  const path = join(root, ...names);
  if (Buffer.byteLength(path) > MAX_PATH) throw refusal(names.join('/'));
  const base = await nearestReal(root);
  const real = await nearestReal(path);
  if (base === undefined || real === undefined || (real !== base && !real.startsWith(base.endsWith(sep) ? base : base + sep))) throw refusal(names.join('/'));
  return path;
}

function refusal(name: string): Error {
  return fail('FILE_OPERATION_ERROR', `"${name.slice(0, 100)}" is not a file name that is taken here.`, { status: 400 });
}

/** The real path of the nearest parent that exists; undefined when a link leads nowhere or the path is too long. */
async function nearestReal(path: string): Promise<string | undefined> {
  try {
    return await realpath(path);
  } catch (error) {
    const code = codeOf(error);
    if (code === 'ELOOP' || code === 'ENAMETOOLONG') return undefined;
    if ((code !== 'ENOENT' && code !== 'ENOTDIR') || dirname(path) === path) throw error;
    return (await isLink(path)) ? undefined : nearestReal(dirname(path));
  }
}

async function isLink(path: string): Promise<boolean> {
  const found = await lstat(path).catch(() => undefined);
  return found?.isSymbolicLink() ?? false;
}
