import type { ProcessRecord, ProcessRecords } from '../../models/process.ts';
import { batchesOf, kept } from './kept.ts';
import type { Records } from './schema.ts';

/** Processes in the table of `migrations`. */
export class SqlProcessRecords implements ProcessRecords {
  readonly #db: Records;

  constructor(db: Records) {
    this.#db = db;
  }

  async beat({ id, role, host, pid, seenAt }: ProcessRecord): Promise<void> {
    await kept('record that this process lives', () =>
      this.#db.insertInto('processes').values({ id, role, host, pid, seen_at: seenAt }).onConflict((conflict) => conflict.column('id').doUpdateSet({ seen_at: seenAt })).execute(),
    );
  }

  async all(): Promise<readonly ProcessRecord[]> {
    const rows = await kept('list processes', () => this.#db.selectFrom('processes').selectAll().orderBy('id').execute());
    return rows.map(({ id, role, host, pid, seen_at: seenAt }) => ({ id, role, host, pid: Number(pid), seenAt: Number(seenAt) }));
  }

  async leave(id: string): Promise<void> {
    await kept('record that this process ends', () => this.#db.updateTable('processes').set({ seen_at: 0 }).where('id', '=', id).execute());
  }

  async forget(ids: readonly string[]): Promise<void> {
    for (const batch of batchesOf(ids)) await kept('forget processes', () => this.#db.deleteFrom('processes').where('id', 'in', batch).execute());
  }
}
