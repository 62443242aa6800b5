import { opendir, rm, rmdir, stat } from 'node:fs/promises';
import { join } from 'node:path';
import { PARTIAL } from './receive.ts';

export interface SweepLimits {
  /** Entries that were changed last before this time go; milliseconds since 1970. */
  readonly before: number;
  /** Oldest entries go until no more bytes than these are left. */
  readonly maxBytes: number;
}

interface Entry {
  readonly path: string;
  readonly size: number;
  readonly changedAt: number;
}

/** Entries looked at in one sweep; the rest waits for the next. */
const AT_ONCE = 100_000;

/** Takes away what is too old or too much among the direct entries of `folder`, whole folders at a time. Answers how many. */
export async function sweep(folder: string, limits: SweepLimits, signal: AbortSignal): Promise<number> {
  const entries = await measure(folder, signal);
  let left = entries.reduce((sum, entry) => sum + entry.size, 0);
  let swept = 0;
  for (const entry of entries.toSorted((a, b) => a.changedAt - b.changedAt)) {
    if (signal.aborted || (entry.changedAt >= limits.before && left <= limits.maxBytes)) break;
    await rm(entry.path, { recursive: true, force: true });
    left -= entry.size;
    swept += 1;
  }
  return swept;
}

/** Removes files that an earlier process did not finish. */
export async function removePartial(folder: string, signal: AbortSignal): Promise<void> {
  for await (const path of files(folder, signal)) if (path.endsWith(PARTIAL)) await rm(path, { force: true });
}

/** Removes a folder when it is empty. */
export async function removeEmpty(folder: string): Promise<void> {
  await rmdir(folder).catch((error: unknown) => {
    const code = error instanceof Error && 'code' in error ? error.code : undefined;
    if (code !== 'ENOTEMPTY' && code !== 'ENOENT' && code !== 'EEXIST') throw error;
  });
}

async function measure(folder: string, signal: AbortSignal): Promise<Entry[]> {
  const entries: Entry[] = [];
  for (const name of await names(folder)) {
    if (signal.aborted || entries.length >= AT_ONCE) break;
    let entry: Entry = { path: join(folder, name), size: 0, changedAt: 0 };
    for await (const path of files(entry.path, signal)) {
      const found = await stat(path).catch(() => undefined);
      if (found) entry = { ...entry, size: entry.size + found.size, changedAt: Math.max(entry.changedAt, found.mtimeMs) };
    }
    entries.push(entry);
  }
  return entries;
}

/** Direct entries but hidden ones such as .gitkeep. */
async function names(folder: string): Promise<string[]> {
  const found: string[] = [];
  const directory = await opendir(folder).catch(() => undefined);
  for await (const entry of directory ?? []) if (!entry.name.startsWith('.')) found.push(entry.name);
  return found;
}

/** Files at or below `path`, links not followed. */
async function* files(path: string, signal: AbortSignal): AsyncGenerator<string, void> {
  const directory = await opendir(path).catch(() => undefined);
  if (!directory) return void (yield path);
  for await (const entry of directory) {
    if (signal.aborted) return;
    if (entry.isDirectory()) yield* files(join(path, entry.name), signal);
    else if (entry.isFile()) yield join(path, entry.name);
  }
}
