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

/** The path of `segments` below `root`, links not looked at; slashes inside a segment separate further ones. Throws FILE_OPERATION_ERROR (400). */
export function below(root: string, ...segments: readonly string[]): string {
  const names = namesOf(segments);
  const bad = names.find((name) => !isSafeSegment(name));
  if (bad !== undefined || names.length === 0) throw refusal(bad ?? '');
  const path = join(root, ...names);
  if (Buffer.byteLength(path) > MAX_PATH) throw refusal(names.join('/'));
  return path;
}

/** As `below`, and throws as well for a symbolic link that leads out of the folder or nowhere. */
export async function inside(root: string, ...segments: readonly string[]): Promise<string> {
  const path = below(root, ...segments);
  const [first = ''] = namesOf(segments);
  // Where not even the first part is there, no link is: one look instead of one for each part.
  if ((await isMissing(join(root, first))) || (await staysInside(root, path))) return path;
  throw refusal(namesOf(segments).join('/'));
}

/** Whether no link on the way to `path` leads out of `root` or nowhere. */
export async function staysInside(root: string, path: string): Promise<boolean> {
  const [base, real] = await Promise.all([nearestReal(root), nearestReal(path)]);
  return base !== undefined && real !== undefined && (real === base || real.startsWith(base.endsWith(sep) ? base : base + sep));
}

const namesOf = (segments: readonly string[]): string[] => segments.flatMap((segment) => (segment === '' ? [] : segment.split('/')));

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

async function isMissing(path: string): Promise<boolean> {
  return lstat(path).then(() => false, (error: unknown) => codeOf(error) === 'ENOENT');
}
