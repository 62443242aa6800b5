import { migrate, openSqlite } from '../../atoms/sqlite/sqlite.ts';
import { fail, reasonOf } from '../../core/errors.ts';
import { migrations } from './migrations.ts';
import type { Records, Tables } from './schema.ts';

/** Opens the embedded database and brings its tables up to date. INTERNAL_ERROR names the file and what is wrong with it. */
export async function openRecords(file: string, signal: AbortSignal): Promise<Records> {
  let db: Records | undefined;
  try {
    db = await openSqlite<Tables>(file, signal);
    await migrate(db, migrations);
    return db;
  } catch (error) {
    await db?.destroy();
    throw fail('INTERNAL_ERROR', `the database ${file} cannot be opened (${reasonOf(error)}).`, { cause: error });
  }
}
