import { mkdirSync } from 'node:fs';
import { dirname } from 'node:path';
import { DatabaseSync } from 'node:sqlite';
import { setTimeout as sleep } from 'node:timers/promises';
import { Kysely, sql, SqliteDialect } from 'kysely';
import { type Migration, Migrator } from 'kysely/migration';
import { fail, reasonOf } from '../../core/errors.ts';
import { StatementCache } from './statements.ts';

/** Milliseconds that a statement waits for another process's write. The event loop stands still meanwhile. */
const busyTimeout = 2_000;
/** Pages of the log (32 MiB) after which they are written into the file: a page that changes often is written once for many commits. */
const checkpointPages = 8_192;
/** Milliseconds in which the file must become usable: first starts of several processes meet here. */
const openTimeout = 10_000;

export type Migrations = Readonly<Record<string, Migration>>;

/**
 * Opens the database file (`:memory:` for none), making its folder. Write-ahead log; a commit survives the death of the
 * process, the newest ones perhaps not a power cut. Rejects with SQLite's own error when the file is not usable.
 * `destroy()` of the result closes it.
 */
export async function openSqlite<Schema>(file: string, signal: AbortSignal): Promise<Kysely<Schema>> {
  if (file !== ':memory:') mkdirSync(dirname(file), { recursive: true });
  const database = new DatabaseSync(file, { timeout: busyTimeout, enableForeignKeyConstraints: true });
  try {
    await turnOnLog(database, signal);
  } catch (error) {
    database.close();
    throw error;
  }
  return new Kysely<Schema>({ dialect: new SqliteDialect({ database: new StatementCache(database) }) });
}

/** Turning the log on needs the file alone, and SQLite does not wait for that by itself. */
async function turnOnLog(database: DatabaseSync, signal: AbortSignal): Promise<void> {
  const end = Date.now() + openTimeout;
  for (;;) {
    try {
      database.exec(`PRAGMA journal_mode = WAL; PRAGMA synchronous = NORMAL; PRAGMA wal_autocheckpoint = ${checkpointPages}; PRAGMA journal_size_limit = 67108864`);
      return;
    } catch (error) {
      if (!isLocked(error) || Date.now() >= end) throw error;
      await sleep(20, undefined, { signal });
    }
  }
}

/** Whether another process holds the database. */
export function isLocked(error: unknown): boolean {
  return error instanceof Error && 'errcode' in error && (error.errcode === 5 || error.errcode === 6);
}

/** Whether there is no room for what is to be written. */
export function isFull(error: unknown): boolean {
  return error instanceof Error && (('errcode' in error && error.errcode === 13) || /disk is full/.test(error.message));
}

/**
 * Brings the tables up to date, all or nothing. Names are run in alphabetical order, each once per file; of several
 * processes that start together one does the work and the others wait. Rejects with the error of the step that failed.
 */
export async function migrate<Schema>(db: Kysely<Schema>, migrations: Migrations): Promise<void> {
  await db.connection().execute(async (connection) => {
    await sql`begin immediate`.execute(connection);
    try {
      const migrator = new Migrator({ db: connection, provider: { getMigrations: async () => ({ ...migrations }) } });
      const { error } = await migrator.migrateToLatest();
      if (error !== undefined) throw error instanceof Error ? error : fail('INTERNAL_ERROR', `a migration failed: ${reasonOf(error)}.`);
      await sql`commit`.execute(connection);
    } catch (error) {
      await sql`rollback`.execute(connection);
      throw error;
    }
  });
}
