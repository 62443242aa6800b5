import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { DatabaseSync } from 'node:sqlite';
import { sql, type Kysely } from 'kysely';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { isLocked, migrate, openSqlite } from './sqlite.ts';

interface Schema {
  pets: { id: number; name: string | null };
}

const signal = AbortSignal.timeout(60_000);
const migrations = {
  '001-pets': { up: async (db: Kysely<unknown>) => void (await db.schema.createTable('pets').addColumn('id', 'integer', (column) => column.primaryKey()).addColumn('name', 'text').execute()) },
};

describe('the embedded database', () => {
  let folder: string;
  let file: string;
  beforeEach(async () => {
    folder = await mkdtemp(join(tmpdir(), 'gateway-sqlite-'));
    file = join(folder, 'deep', 'er', 'gateway.db');
  });
  afterEach(async () => {
    await rm(folder, { recursive: true, force: true });
  });

  const open = async () => {
    const db = await openSqlite<Schema>(file, signal);
    await migrate(db, migrations);
    return db;
  };

  it('makes its folder, keeps a write-ahead log and what was committed', async () => {
    const first = await open();
    await first.insertInto('pets').values({ id: 1, name: 'Rex' }).execute();
    expect((await sql<{ journal_mode: string }>`pragma journal_mode`.execute(first)).rows).toEqual([{ journal_mode: 'wal' }]);
    await first.destroy();
    const second = await open();
    expect(await second.selectFrom('pets').selectAll().execute()).toEqual([{ id: 1, name: 'Rex' }]);
    await second.destroy();
  });

  it('tells readers from writers, and a writer that reads', async () => {
    const db = await open();
    expect((await db.insertInto('pets').values({ id: 1, name: 'Rex' }).executeTakeFirst()).numInsertedOrUpdatedRows).toBe(1n);
    expect(await db.updateTable('pets').set({ name: 'Max' }).returningAll().execute()).toEqual([{ id: 1, name: 'Max' }]);
    expect((await db.deleteFrom('pets').executeTakeFirst()).numDeletedRows).toBe(1n);
    await db.destroy();
  });

  it('writes nothing of a transaction that failed, and goes on', async () => {
    const db = await open();
    const failing = db.transaction().execute(async (step) => {
      await step.insertInto('pets').values({ id: 1, name: 'Rex' }).execute();
      await step.insertInto('pets').values({ id: 1, name: 'Rex again' }).execute();
    });
    await expect(failing).rejects.toThrow(/UNIQUE/);
    expect(await db.selectFrom('pets').selectAll().execute()).toEqual([]);
    await db.insertInto('pets').values({ id: 2, name: null }).execute();
    await db.destroy();
  });

  it('survives a full disk: the write fails, the database stays usable', async () => {
    const db = await open();
    const pages = (await sql<{ page_count: number }>`pragma page_count`.execute(db)).rows[0]?.page_count ?? 0;
    await sql.raw(`pragma max_page_count = ${pages + 2}`).execute(db);
    const filling = db.transaction().execute(async (step) => {
      for (let id = 1; id < 100; id += 1) await step.insertInto('pets').values({ id, name: 'x'.repeat(4_000) }).execute();
    });
    await expect(filling).rejects.toThrow(/full/);
    await sql`pragma max_page_count = 1000000`.execute(db);
    await db.transaction().execute((step) => step.insertInto('pets').values({ id: 1, name: 'fits' }).execute());
    expect(await db.selectFrom('pets').select('id').execute()).toEqual([{ id: 1 }]);
    await db.destroy();
  });

  it('says that another process holds the file, and writes again when it is free', async () => {
    const db = await open();
    await sql`pragma busy_timeout = 50`.execute(db);
    const other = new DatabaseSync(file);
    other.exec('begin immediate');
    const refused = await db.insertInto('pets').values({ id: 1, name: 'Rex' }).execute().catch((error: unknown) => error);
    expect(isLocked(refused)).toBe(true);
    await expect(db.transaction().execute((step) => step.insertInto('pets').values({ id: 1, name: 'Rex' }).execute())).rejects.toThrow(/locked/);
    other.exec('rollback');
    other.close();
    await db.insertInto('pets').values({ id: 1, name: 'Rex' }).execute();
    await db.destroy();
  });

  it('refuses a file that is no database', async () => {
    const { writeFile, mkdir } = await import('node:fs/promises');
    await mkdir(join(folder, 'deep', 'er'), { recursive: true });
    await writeFile(file, 'this is not a database, by far not one'.repeat(100));
    await expect(openSqlite(file, signal)).rejects.toThrow(/not a database/);
  });

  it('leaves the file as it was when a migration fails', async () => {
    const db = await openSqlite<Schema>(file, signal);
    const broken = { ...migrations, '002-broken': { up: async (step: Kysely<unknown>) => void (await sql`select nonsense from nowhere`.execute(step)) } };
    await expect(migrate(db, broken)).rejects.toThrow(/nowhere/);
    expect((await sql<{ name: string }>`select name from sqlite_master where name = 'pets'`.execute(db)).rows).toEqual([]);
    await migrate(db, migrations);
    await db.insertInto('pets').values({ id: 1, name: 'Rex' }).execute();
    await db.destroy();
  });

  it('lets processes start on one new file at the same time', async () => {
    const program = `
      const { openSqlite, migrate } = await import(${JSON.stringify(join(import.meta.dirname, 'sqlite.ts'))});
      const db = await openSqlite(${JSON.stringify(file)}, AbortSignal.timeout(20000));
      await migrate(db, { '001-pets': { up: (step) => step.schema.createTable('pets').addColumn('id', 'integer', (c) => c.primaryKey()).addColumn('name', 'text').execute() } });
      await db.insertInto('pets').values({ id: process.pid, name: 'x' }).execute();
      await db.destroy();`;
    const children = Array.from({ length: 4 }, () => spawn(process.execPath, ['--input-type=module', '-e', program], { stdio: ['ignore', 'inherit', 'inherit'] }));
    const codes = await Promise.all(children.map(async (child) => (await once(child, 'exit'))[0] as unknown));
    expect(codes).toEqual([0, 0, 0, 0]);
    const db = await open();
    expect(await db.selectFrom('pets').selectAll().execute()).toHaveLength(4);
    await db.destroy();
  });

  it('prepares a query once and forgets the oldest of very many', async () => {
    const db = await open();
    for (let n = 0; n < 600; n += 1) await sql.raw(`select ${n} as n`).execute(db);
    expect((await sql.raw('select 1 as n').execute(db)).rows).toEqual([{ n: 1 }]);
    await db.destroy();
  });

  it('inserts in well under a fifth of a millisecond', async () => {
    const db = await open();
    const insert = (id: number) => db.insertInto('pets').values({ id, name: 'Rex' }).execute();
    for (let id = 0; id < 500; id += 1) await insert(id);
    const rounds: number[] = [];
    for (let round = 1; round <= 5; round += 1) {
      const start = performance.now();
      for (let id = 0; id < 500; id += 1) await insert(round * 1_000 + id);
      rounds.push((performance.now() - start) / 500);
    }
    expect(Math.min(...rounds)).toBeLessThan(0.2);
    await db.destroy();
  });
});
