import type { DatabaseSync, SQLInputValue, StatementSync } from 'node:sqlite';
import type { SqliteDatabase, SqliteStatement } from 'kysely';
import { fail } from '../../core/errors.ts';

/** Prepared statements kept for their next use; the one used longest ago goes first. */
const keptStatements = 256;

/**
 * A `node:sqlite` database in the shape that kysely's SqliteDialect asks for. Statements are prepared once.
 * Transactions begin as writers: one that begins as a reader and writes later fails at once when another process wrote
 * meanwhile, whatever the busy timeout. A rollback after SQLite rolled back by itself (full disk) does nothing.
 */
export class StatementCache implements SqliteDatabase {
  readonly #database: DatabaseSync;
  readonly #kept = new Map<string, SqliteStatement>();

  constructor(database: DatabaseSync) {
    this.#database = database;
  }

  prepare(sql: string): SqliteStatement {
    const kept = this.#kept.get(sql);
    if (kept) this.#kept.delete(sql);
    else if (this.#kept.size >= keptStatements) this.#forgetOldest();
    const statement = kept ?? this.#make(sql);
    this.#kept.set(sql, statement);
    return statement;
  }

  close(): void {
    this.#kept.clear();
    this.#database.close();
  }

  #forgetOldest(): void {
    const oldest = this.#kept.keys().next();
    if (oldest.done !== true) this.#kept.delete(oldest.value);
  }

  #make(sql: string): SqliteStatement {
    const statement = bridge(this.#database.prepare(sql === 'begin' ? 'begin immediate' : sql));
    if (sql !== 'rollback') return statement;
    const database = this.#database;
    return { ...statement, run: (parameters) => (database.isTransaction ? statement.run(parameters) : { changes: 0, lastInsertRowid: 0 }) };
  }
}

function bridge(statement: StatementSync): SqliteStatement {
  return {
    reader: statement.columns().length > 0,
    all: (parameters) => statement.all(...parameters.map(inputValue)),
    run: (parameters) => statement.run(...parameters.map(inputValue)),
    iterate: (parameters) => statement.iterate(...parameters.map(inputValue)),
  };
}

function inputValue(value: unknown): SQLInputValue {
  if (typeof value === 'string' || typeof value === 'number' || typeof value === 'bigint' || value === null || value instanceof Uint8Array) return value;
  if (value === undefined) return null;
  if (typeof value === 'boolean') return value ? 1 : 0;
  throw fail('INTERNAL_ERROR', `the database has no place for a value of type ${typeof value}.`);
}
