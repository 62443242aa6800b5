/** Paths that cannot leave their folder, on any operating system. */
import { realpath } from 'node:fs/promises';
import { dirname, join, sep } from 'node:path';
import { fail } from '../../core/errors.ts';

const RESERVED = /^(con|prn|aux|nul|com\d|lpt\d)(\..*)?$/i;
const FORBIDDEN = /[\u0000-\u001f/\\:*?"<>|]/;

/** Whether `name` is one path segment that means the same file everywhere. */
export function isSafeSegment(name: string): boolean {
  if (name === '' || name === '.' || name === '..' || Buffer.byteLength(name) > 255) return false;
  return !FORBIDDEN.test(name) && !/[. ]$/.test(name) && !RESERVED.test(name);
}

/**
 * The path of `segments` below `root`; slashes inside a segment separate further ones. Throws FILE_OPERATION_ERROR (400) for
 * a segment that is not safe, and for a symbolic link that leads out of the folder.
 */
export async function inside(root: string, ...segments: string[]): Promise<string> {
  const names = segments.flatMap((segment) => (segment === '' ? [] : segment.split('/')));
  const bad = names.find((name) => !isSafeSegment(name));
  if (bad !== undefined || names.length === 0) throw refusal(bad ?? '');
  const path = join(root, ...names);
  const base = await nearestReal(root);
  const real = await nearestReal(path);
  if (real !== base && !real.startsWith(base.endsWith(sep) ? base : base + sep)) throw refusal(names.join('/'));
  return path;
}

function refusal(name: string): Error {
  return fail('FILE_OPERATION_ERROR', `"${name.slice(0, 100)}" is not a file name that is taken here.`, { status: 400 });
}

/** The real path of the nearest parent that exists. */
async function nearestReal(path: string): Promise<string> {
  try {
    return await realpath(path);
  } catch (error) {
    const code = error instanceof Error && 'code' in error ? error.code : undefined;
    if ((code !== 'ENOENT' && code !== 'ENOTDIR') || dirname(path) === path) throw error;
    return nearestReal(dirname(path));
  }
}
