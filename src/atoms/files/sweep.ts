import type { Dirent } from 'node:fs';
import { lstat, opendir, rm } from 'node:fs/promises';
import { join } from 'node:path';
import { codeOf, onDisk } from './disk.ts';
import { partialName } from './receive.ts';

export interface SweepLimits {
  /** Entries that were changed last before this time go; milliseconds since 1970. */
  readonly before: number;
  /** Oldest entries go until no more bytes than these are left. */
  readonly maxBytes: number;
}

export interface Swept {
  readonly removed: number;
  /** Those of them that were not too old and went for want of space. */
  readonly crowdedOut: number;
  /** Bytes that are left. */
  readonly bytes: number;
}

interface Entry {
  readonly path: string;
  readonly size: number;
  readonly changedAt: number;
}

/** Entries looked at in one sweep; the rest waits for the next. */
const AT_ONCE = 100_000;

/** Takes away what is too old or too much among the direct entries of `folder`, whole folders at a time. Hidden entries such as .gitkeep stay. */
export async function sweep(folder: string, limits: SweepLimits, signal: AbortSignal): Promise<Swept> {
  const entries = await onDisk('to look through a folder', () => measure(folder, signal));
  let bytes = entries.reduce((sum, entry) => sum + entry.size, 0);
  let removed = 0;
  let crowdedOut = 0;
  for (const entry of entries.toSorted((a, b) => a.changedAt - b.changedAt)) {
    if (signal.aborted || (entry.changedAt >= limits.before && bytes <= limits.maxBytes)) break;
    await onDisk('to remove old files', () => rm(entry.path, { recursive: true, force: true }));
    bytes -= entry.size;
    removed += 1;
    if (entry.changedAt >= limits.before) crowdedOut += 1;
  }
  return { removed, crowdedOut, bytes };
}

/**
 * Removes what `receive` did not finish, unless it was written to after `before`: several processes may share the folder,
 * and what one of them writes right now is not old.
 */
export async function removePartial(folder: string, before: number, signal: AbortSignal): Promise<void> {
  await onDisk('to remove partial files', async () => {
    for await (const entry of entriesOf(folder)) {
      if (signal.aborted) return;
      if (!entry.isFile() || !partialName.test(entry.name)) continue;
      const path = join(folder, entry.name);
      const found = await lstat(path).catch(() => undefined);
      if (found && found.mtimeMs < before) await rm(path, { force: true });
    }
  });
}

/** Files one folder deep, as `{folder}/{name}`, that were changed last before that time. Hidden ones are left out. */
export async function* oldFiles(root: string, before: number): AsyncGenerator<string, void> {
  for await (const folder of entriesOf(root)) {
    if (!folder.isDirectory() || folder.name.startsWith('.')) continue;
    for await (const file of entriesOf(join(root, folder.name))) {
      if (!file.isFile() || file.name.startsWith('.')) continue;
      const found = await lstat(join(root, folder.name, file.name)).catch(() => undefined);
      if (found && found.mtimeMs < before) yield `${folder.name}/${file.name}`;
    }
  }
}

async function measure(folder: string, signal: AbortSignal): Promise<Entry[]> {
  const entries: Entry[] = [];
  for await (const found of entriesOf(folder)) {
    if (signal.aborted || entries.length >= AT_ONCE) break;
    if (!found.name.startsWith('.')) entries.push(await weigh(join(folder, found.name), signal));
  }
  return entries;
}

/** All that is in it, links not followed; what holds no file yet is as young as its folder. */
async function weigh(path: string, signal: AbortSignal): Promise<Entry> {
  let size = 0;
  let changedAt = 0;
  for await (const file of files(path, signal)) {
    const found = await lstat(file).catch(() => undefined);
    size += found?.size ?? 0;
    changedAt = Math.max(changedAt, found?.mtimeMs ?? 0);
  }
  if (changedAt === 0) changedAt = (await lstat(path).catch(() => undefined))?.mtimeMs ?? 0;
  return { path, size, changedAt };
}

/** The file itself, or the files below the folder. */
async function* files(path: string, signal: AbortSignal): AsyncGenerator<string, void> {
  const self = await lstat(path).catch(() => undefined);
  if (!self?.isDirectory()) return void (yield path);
  for await (const entry of entriesOf(path)) {
    if (signal.aborted) return;
    if (entry.isDirectory()) yield* files(join(path, entry.name), signal);
    else if (entry.isFile()) yield join(path, entry.name);
  }
}

/** A folder that is not there has none. */
async function* entriesOf(folder: string): AsyncGenerator<Dirent, void> {
  try {
    yield* await opendir(folder);
  } catch (error) {
    if (codeOf(error) !== 'ENOENT') throw error;
  }
}
