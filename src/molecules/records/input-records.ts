import { type Selectable, sql } from 'kysely';
import type { FileRef } from '../../models/file.ts';
import type { InputRecord, InputRecords } from '../../models/records.ts';
import { batchesOf, batchSize, eachBatch, inBatches, kept } from './kept.ts';
import { rowsOf } from './rows-of.ts';
import type { Records, Tables } from './schema.ts';

type InputRow = Selectable<Tables['inputs']>;

/** Paths answered by one `expire`; what is left is for the next one. */
const expiredPaths = 10_000;

/** Uploads in the tables of `migrations`. */
export class SqlInputRecords implements InputRecords {
  readonly #db: Records;

  constructor(db: Records) {
    this.#db = db;
  }

  async put(record: InputRecord): Promise<void> {
    const row = rowOf(record);
    await kept('record an upload', () => this.#db.insertInto('inputs').values(row).onConflict((conflict) => conflict.columns(['owner', 'type', 'subfolder', 'name']).doUpdateSet(row)).execute());
  }

  claim(record: InputRecord): Promise<boolean> {
    const row = rowOf(record);
    return kept('record an upload', async () => {
      const { numInsertedOrUpdatedRows } = await this.#db.insertInto('inputs').values(row).onConflict((conflict) => conflict.columns(['owner', 'type', 'subfolder', 'name']).doUpdateSet(row).where('inputs.hash', '=', row.hash)).executeTakeFirstOrThrow();
      return Number(numInsertedOrUpdatedRows ?? 0) > 0;
    });
  }

  async find(key: string, { type, subfolder, filename }: FileRef): Promise<InputRecord | undefined> {
    const row = await kept('look an upload up', () =>
      this.#db.selectFrom('inputs').selectAll().where('owner', '=', key).where('type', '=', type).where('subfolder', '=', subfolder).where('name', '=', filename).executeTakeFirst(),
    );
    return row && recordOf(row);
  }

  async findMany(key: string, refs: readonly FileRef[]): Promise<readonly InputRecord[]> {
    const rows = await eachBatch(refs, (batch) =>
      kept('look uploads up', () => this.#db.selectFrom('inputs').selectAll().where('owner', '=', key).where(sql<boolean>`(type, subfolder, name) in (${rowsOf(batch.map(({ type, subfolder, filename }) => [type, subfolder, filename]))})`).execute()),
    );
    return rows.map(recordOf);
  }

  async findUpstream(upstreamNames: readonly string[]): Promise<readonly InputRecord[]> {
    const rows = await eachBatch(upstreamNames, (names) => kept('look uploads up', () => this.#db.selectFrom('inputs').selectAll().where('upstream_name', 'in', names).orderBy('created_at', 'desc').execute()));
    return rows.map(recordOf);
  }

  async placed(instance: string, record: InputRecord): Promise<boolean> {
    const place = placementOf(instance, record);
    const row = await kept('look a placement up', () =>
      this.#db
        .selectFrom('placements')
        .select('instance')
        .where('upstream_name', '=', place.upstream_name)
        .where('upstream_subfolder', '=', place.upstream_subfolder)
        .where('type', '=', place.type)
        .where('instance', '=', instance)
        .executeTakeFirst(),
    );
    return row !== undefined;
  }

  async place(instance: string, record: InputRecord): Promise<void> {
    await kept('record a placement', () => this.#db.insertInto('placements').values(placementOf(instance, record)).onConflict((conflict) => conflict.doNothing()).execute());
  }

  async unplace(instance: string, record: InputRecord): Promise<void> {
    await kept('forget a placement', () =>
      this.#db
        .deleteFrom('placements')
        .where('upstream_name', '=', record.upstreamName)
        .where('upstream_subfolder', '=', record.upstreamSubfolder)
        .where('type', '=', record.type)
        .where('instance', '=', instance)
        .execute(),
    );
  }

  async expire(before: number): Promise<readonly string[]> {
    const candidates = new Set<string>();
    await kept('forget old uploads', () => inBatches(async () => (candidates.size < expiredPaths ? this.#expireSome(before, candidates) : 0)));
    const free: string[] = [];
    for (const paths of batchesOf([...candidates])) free.push(...(await this.unreferenced(paths)));
    return free;
  }

  async unreferenced(paths: readonly string[]): Promise<readonly string[]> {
    const used = await kept('look uploads up', () => this.#db.selectFrom('inputs').select('path').distinct().where('path', 'in', paths).execute());
    const referenced = new Set(used.map((row) => row.path));
    return paths.filter((path) => !referenced.has(path));
  }

  /** One batch of mappings, with the placements of names that nothing leads to any more. */
  async #expireSome(before: number, paths: Set<string>): Promise<number> {
    return this.#db.transaction().execute(async (step) => {
      const old = await step.selectFrom('inputs').select(['owner', 'type', 'subfolder', 'name', 'path', 'upstream_name']).where('created_at', '<', before).orderBy('created_at').limit(batchSize).execute();
      for (const row of old) {
        await step.deleteFrom('inputs').where('owner', '=', row.owner).where('type', '=', row.type).where('subfolder', '=', row.subfolder).where('name', '=', row.name).execute();
        paths.add(row.path);
      }
      const names = [...new Set(old.map((row) => row.upstream_name))];
      if (names.length > 0) await step.deleteFrom('placements').where('upstream_name', 'in', names).where('upstream_name', 'not in', step.selectFrom('inputs').select('upstream_name').where('upstream_name', 'in', names)).execute();
      return old.length;
    });
  }
}

const placementOf = (instance: string, record: InputRecord) => ({ instance, type: record.type, upstream_subfolder: record.upstreamSubfolder, upstream_name: record.upstreamName });

function rowOf(record: InputRecord): InputRow {
  const { key, type, subfolder, name, upstreamName, upstreamSubfolder, hash, size, mediaType, path, createdAt } = record;
  return { owner: key, type, subfolder, name, upstream_name: upstreamName, upstream_subfolder: upstreamSubfolder, hash, size, media_type: mediaType, path, created_at: createdAt };
}

function recordOf(row: InputRow): InputRecord {
  return {
    key: row.owner,
    type: row.type,
    subfolder: row.subfolder,
    name: row.name,
    upstreamName: row.upstream_name,
    upstreamSubfolder: row.upstream_subfolder,
    hash: row.hash,
    size: Number(row.size),
    mediaType: row.media_type,
    path: row.path,
    createdAt: Number(row.created_at),
  };
}
