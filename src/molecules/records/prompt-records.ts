import { type Selectable, sql, type Transaction } from 'kysely';
import type { FileRef } from '../../models/file.ts';
import type { NewPrompt, OutputPlace, OutputRecord, OwnedOutput, PromptEnding, PromptRecord, PromptRecords } from '../../models/records.ts';
import { cachedNodes } from './cached-nodes.ts';
import { batchesOf, batchSize, eachBatch, inBatches, kept } from './kept.ts';
import { namesOfOutputs, placeRows } from './output-places.ts';
import type { Records, Tables } from './schema.ts';

/** Prompts that are looked through for each output that is wanted: those of tasks lie between. */
const AMONG = 10;

/** Prompts in the tables of `migrations`. */
export class SqlPromptRecords implements PromptRecords {
  readonly #db: Records;
  readonly #now: () => number;

  constructor(db: Records, now: () => number) {
    this.#db = db;
    this.#now = now;
  }

  insert({ promptId, key, clientId, instance, createdAt, process, taskId }: NewPrompt): Promise<boolean> {
    return kept('record a prompt', async () => {
      const row = { prompt_id: promptId, owner: key, client_id: clientId, instance, state: 'submitted' as const, created_at: createdAt, process, task_id: taskId ?? null };
      const { numInsertedOrUpdatedRows } = await this.#db.insertInto('prompts').values(row).onConflict((conflict) => conflict.column('prompt_id').doNothing()).executeTakeFirstOrThrow();
      return Number(numInsertedOrUpdatedRows ?? 0) > 0;
    });
  }

  async move(promptId: string, instance: string): Promise<void> {
    await kept('move a prompt', () => this.#db.updateTable('prompts').set({ instance }).where('prompt_id', '=', promptId).execute());
  }

  async accepted(promptId: string, at: number): Promise<number | undefined> {
    const first = sql<number>`coalesce(accepted_at, ${at})`;
    const row = await kept('record that an instance has a prompt', () => this.#db.updateTable('prompts').set({ accepted_at: first }).where('prompt_id', '=', promptId).returning('stop_requested_at').executeTakeFirst());
    return timeOf(row?.stop_requested_at ?? null);
  }

  async unanswered(promptId: string, at: number): Promise<void> {
    await kept('record that a hand-over got no answer', () => this.#db.updateTable('prompts').set({ unanswered_at: at }).where('prompt_id', '=', promptId).execute());
  }

  async drop(promptId: string): Promise<void> {
    await kept('forget a refused prompt', () => this.#db.deleteFrom('prompts').where('prompt_id', '=', promptId).where('state', '=', 'submitted').execute());
  }

  async requestStop(promptIds: readonly string[]): Promise<readonly string[]> {
    const now = this.#now();
    const asked: string[] = [];
    for (const ids of batchesOf(promptIds)) {
      const rows = await kept('record that a prompt shall stop', () =>
        this.#db.updateTable('prompts').set({ stop_requested_at: now }).where('prompt_id', 'in', ids).where('state', '=', 'submitted').where('stop_requested_at', 'is', null).returning('prompt_id').execute(),
      );
      asked.push(...rows.map((row) => row.prompt_id));
    }
    return asked;
  }

  async withdrawStop(promptIds: readonly string[]): Promise<void> {
    for (const ids of batchesOf(promptIds)) {
      await kept('record that a prompt is left alone', () => this.#db.updateTable('prompts').set({ stop_requested_at: null }).where('prompt_id', 'in', ids).where('state', '=', 'submitted').execute());
    }
  }

  finish(promptId: string, ending: PromptEnding): Promise<boolean> {
    return kept('record the end of a prompt', () => this.#db.transaction().execute((step) => end(step, promptId, ending)));
  }

  async find(promptId: string): Promise<PromptRecord | undefined> {
    const row = await kept('look a prompt up', () => this.#db.selectFrom('prompts').selectAll().where('prompt_id', '=', promptId).executeTakeFirst());
    return row && promptOf(row);
  }

  async findMany(promptIds: readonly string[]): Promise<readonly PromptRecord[]> {
    const found: PromptRecord[] = [];
    for (const ids of batchesOf(promptIds)) {
      const rows = await kept('look prompts up', () => this.#db.selectFrom('prompts').selectAll().where('prompt_id', 'in', ids).execute());
      found.push(...rows.map(promptOf));
    }
    return found;
  }

  async history(promptId: string): Promise<string | undefined> {
    const row = await kept('look a history entry up', () => this.#db.selectFrom('histories').select('entry').where('prompt_id', '=', promptId).executeTakeFirst());
    return row?.entry;
  }

  async outputs(promptId: string): Promise<readonly OutputRecord[]> {
    const rows = await kept('look outputs up', () => this.#db.selectFrom('outputs').selectAll().where('prompt_id', '=', promptId).orderBy('position').execute());
    return rows.map(outputOf);
  }

  async findOutput(promptId: string, ref: FileRef): Promise<OwnedOutput | undefined> {
    const row = await kept('look an output up', () => this.#files(ref).where('outputs.prompt_id', '=', promptId).orderBy('position').limit(1).executeTakeFirst());
    return row && { ...outputOf(row), key: row.owner, instance: row.instance };
  }

  async newestOutput(key: string | undefined, ref: FileRef): Promise<OwnedOutput | undefined> {
    const files = this.#files(ref).orderBy('outputs.ended_at', 'desc').orderBy('outputs.prompt_id', 'desc').limit(1);
    const row = await kept('look the newest output up', () => (key === undefined ? files : files.where('outputs.owner', '=', key)).executeTakeFirst());
    return row && { ...outputOf(row), key: row.owner, instance: row.instance };
  }

  async outputNames(filenames: readonly string[]): Promise<ReadonlySet<string>> {
    return new Set(await eachBatch(filenames, (names) => kept('look the names of outputs up', () => namesOfOutputs(this.#db, names))));
  }

  async places(refs: readonly FileRef[]): Promise<readonly OutputPlace[]> {
    const rows = await eachBatch(refs, (batch) => kept('look places of outputs up', () => placeRows(this.#db, batch)));
    const prompts = await this.findMany([...new Set(rows.flatMap(({ written, cached }) => [written, cached].filter((id) => id !== null)))]);
    const byId = new Map(prompts.map((prompt) => [prompt.promptId, prompt]));
    return rows.map((row) => ({ ...row, written: byId.get(row.written ?? ''), cached: byId.get(row.cached ?? '') }));
  }

  async overwritten(promptId: string, instance: string, ref: FileRef): Promise<boolean> {
    return kept('look up who wrote an output', async () => {
      const written = this.#files(ref).where('outputs.instance', '=', instance).where('outputs.cached', '=', 0).orderBy('outputs.ended_at', 'desc').orderBy('outputs.prompt_id', 'desc').limit(1);
      const last = await written.executeTakeFirst();
      if (!last || last.prompt_id === promptId) return false;
      const own = await this.#files(ref).where('outputs.prompt_id', '=', promptId).orderBy('outputs.cached').limit(1).executeTakeFirst();
      if (!own) return false;
      if (own.cached === 0 || own.ended_at < last.ended_at) return true;
      return own.owner !== last.owner && (await written.where('outputs.prompt_id', '!=', last.prompt_id).executeTakeFirst()) !== undefined;
    });
  }

  async newestOutputs(limit: number): Promise<readonly OwnedOutput[]> {
    const newest = this.#db.selectFrom('prompts').select(['prompt_id', 'instance', 'task_id']).where('ended_at', 'is not', null).orderBy('ended_at', 'desc').limit(limit * AMONG).as('newest');
    const rows = await kept('list the newest outputs', () => this.#db.selectFrom(newest).innerJoin('outputs', 'outputs.prompt_id', 'newest.prompt_id').where('newest.task_id', 'is', null).selectAll('outputs').select('newest.instance').orderBy('outputs.ended_at', 'desc').orderBy('outputs.prompt_id').orderBy('outputs.position').limit(limit).execute());
    return rows.map((row) => ({ ...outputOf(row), key: row.owner, instance: row.instance }));
  }

  async unfinished(): Promise<readonly PromptRecord[]> {
    const rows = await kept('list unfinished prompts', () => this.#db.selectFrom('prompts').selectAll().where('state', '=', 'submitted').orderBy('created_at').execute());
    return rows.map(promptOf);
  }

  async processes(): Promise<readonly string[]> {
    const rows = await kept('list processes with prompts', () => this.#db.selectFrom('prompts').select('process').distinct().where('state', '=', 'submitted').execute());
    return rows.map((row) => row.process);
  }

  async takeOver(processes: readonly string[], by: string): Promise<readonly PromptRecord[]> {
    const rows = await eachBatch(processes.filter((one) => one !== by), (gone) => kept('take prompts over', () =>
      this.#db.updateTable('prompts').set({ process: by }).where('state', '=', 'submitted').where('process', 'in', gone).returningAll().execute()));
    return rows.map(promptOf).toSorted((one, other) => one.createdAt - other.createdAt);
  }

  expire(before: number): Promise<number> {
    return kept('forget old prompts', () => inBatches(() => this.#expireSome(before)));
  }

  async #expireSome(before: number): Promise<number> {
    const old = await this.#db.selectFrom('prompts').select('prompt_id').where('ended_at', '<', before).limit(batchSize).execute();
    if (old.length > 0) await this.#db.deleteFrom('prompts').where('prompt_id', 'in', old.map((row) => row.prompt_id)).execute();
    return old.length;
  }

  #files({ filename, subfolder, type }: FileRef) {
    return this.#db
      .selectFrom('outputs')
      .selectAll()
      .where('outputs.filename', '=', filename)
      .where('outputs.subfolder', '=', subfolder)
      .where('outputs.type', '=', type);
  }
}

async function end(step: Transaction<Tables>, promptId: string, ending: PromptEnding): Promise<boolean> {
  const { state, startedAt = null, endedAt, detail, history, outputs } = ending;
  const prompt = await step
    .updateTable('prompts')
    .set({ state, started_at: startedAt, ended_at: endedAt, detail })
    .where('prompt_id', '=', promptId)
    .where('state', '=', 'submitted')
    .returning(['owner', 'instance'])
    .executeTakeFirst();
  if (!prompt) return false;
  const cached = outputs.length > 0 ? cachedNodes(history) : new Set();
  const rows = outputs.map(({ nodeId, kind, filename, subfolder, type }, position) => ({ prompt_id: promptId, position, owner: prompt.owner, instance: prompt.instance, cached: cached.has(nodeId) ? 1 : 0, ended_at: endedAt, node_id: nodeId, kind, filename, subfolder, type }));
  for (const batch of batchesOf(rows)) await step.insertInto('outputs').values(batch).execute();
  if (history !== undefined) await step.insertInto('histories').values({ prompt_id: promptId, entry: history }).execute();
  return true;
}

/** Some drivers give 64-bit columns as text. */
const timeOf = (value: number | null): number | undefined => (value === null ? undefined : Number(value));

function promptOf(row: Selectable<Tables['prompts']>): PromptRecord {
  return {
    promptId: row.prompt_id,
    key: row.owner,
    clientId: row.client_id,
    instance: row.instance,
    state: row.state,
    createdAt: Number(row.created_at),
    startedAt: timeOf(row.started_at),
    endedAt: timeOf(row.ended_at),
    stopRequestedAt: timeOf(row.stop_requested_at),
    process: row.process,
    acceptedAt: timeOf(row.accepted_at),
    unansweredAt: timeOf(row.unanswered_at),
    taskId: row.task_id ?? undefined,
    detail: row.detail ?? undefined,
  };
}

function outputOf(row: Selectable<Tables['outputs']>): OutputRecord {
  return { promptId: row.prompt_id, nodeId: row.node_id, kind: row.kind, filename: row.filename, subfolder: row.subfolder, type: row.type };
}
