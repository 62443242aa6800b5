import { type RawBuilder, sql } from 'kysely';
import type { FileRef } from '../../models/file.ts';
import { rowsOf } from './rows-of.ts';
import type { Records } from './schema.ts';

interface PlaceRow extends FileRef {
  readonly instance: string;
  readonly written: string | null;
  readonly cached: string | null;
}

/** For each file and each instance that has records of it: the prompt that wrote it last, and the last that had it out of the cache. Steps from instance to instance and to the newest in the index, however many records a name has. */
export async function placeRows(db: Records, refs: readonly FileRef[]): Promise<readonly PlaceRow[]> {
  const wanted = rowsOf(refs.map(({ filename, subfolder, type }) => [filename, subfolder, type]));
  const found = await sql<PlaceRow>`
    with recursive wanted(filename, subfolder, type) as (${wanted}),
    places(filename, subfolder, type, instance) as (
      select filename, subfolder, type, (select min(o.instance) from outputs o where o.filename = w.filename and o.subfolder = w.subfolder and o.type = w.type) from wanted w
      union all
      select filename, subfolder, type, (select min(o.instance) from outputs o where o.filename = p.filename and o.subfolder = p.subfolder and o.type = p.type and o.instance > p.instance) from places p where p.instance is not null
    )
    select filename, subfolder, type, instance, ${newest(0)} as written, ${newest(1)} as cached from places p where instance is not null`.execute(db);
  return found.rows;
}

function newest(cached: 0 | 1): RawBuilder<unknown> {
  return sql`(select o.prompt_id from outputs o where o.filename = p.filename and o.subfolder = p.subfolder and o.type = p.type and o.instance = p.instance and o.cached = ${sql.lit(cached)} order by o.ended_at desc, o.prompt_id desc limit 1)`;
}

/** Those of the file names that any output has. */
export async function namesOfOutputs(db: Records, filenames: readonly string[]): Promise<readonly string[]> {
  const wanted = rowsOf(filenames.map((filename) => [filename]));
  const found = await sql<Pick<FileRef, 'filename'>>`with wanted(filename) as (${wanted}) select filename from wanted w where exists (select 1 from outputs o where o.filename = w.filename)`.execute(db);
  return found.rows.map(({ filename }) => filename);
}
