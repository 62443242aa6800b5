import { type Kysely, sql } from 'kysely';
import { durableTasks, jobsOfTasks, looksAtTasks, usageOfTasks } from './task-migrations.ts';
import { promptsOfProcesses } from './prompt-migrations.ts';

/** Steps by name, run in alphabetical order, each once. A step that was released is never changed: add another one. */
export const migrations = {
  '001-prompts-and-files': { up: promptsAndFiles },
  '002-places-of-outputs': { up: placesOfOutputs },
  '003-tasks': { up: durableTasks },
  '004-prompts-of-processes': { up: promptsOfProcesses },
  '005-usage-of-tasks': { up: usageOfTasks },
  '006-jobs-of-tasks': { up: jobsOfTasks },
  '007-looks-at-tasks': { up: looksAtTasks },
};

async function promptsAndFiles(db: Kysely<unknown>): Promise<void> {
  await prompts(db);
  await outputs(db);
  await inputs(db);
}

async function prompts({ schema }: Kysely<unknown>): Promise<void> {
  await schema
    .createTable('prompts')
    .addColumn('prompt_id', 'text', (column) => column.primaryKey().notNull())
    .addColumn('owner', 'text', (column) => column.notNull())
    .addColumn('client_id', 'text', (column) => column.notNull())
    .addColumn('instance', 'text', (column) => column.notNull())
    .addColumn('state', 'text', (column) => column.notNull())
    .addColumn('created_at', 'bigint', (column) => column.notNull())
    .addColumn('started_at', 'bigint')
    .addColumn('ended_at', 'bigint')
    .addColumn('stop_requested_at', 'bigint')
    .addColumn('detail', 'text')
    .execute();
  await schema.createIndex('prompts_by_state').on('prompts').columns(['state', 'created_at']).execute();
  await schema.createIndex('prompts_by_end').on('prompts').column('ended_at').execute();
}

async function outputs({ schema }: Kysely<unknown>): Promise<void> {
  await schema
    .createTable('histories')
    .addColumn('prompt_id', 'text', (column) => column.primaryKey().notNull().references('prompts.prompt_id').onDelete('cascade'))
    .addColumn('entry', 'text', (column) => column.notNull())
    .execute();
  await schema
    .createTable('outputs')
    .addColumn('prompt_id', 'text', (column) => column.notNull().references('prompts.prompt_id').onDelete('cascade'))
    .addColumn('position', 'integer', (column) => column.notNull())
    .addColumn('owner', 'text', (column) => column.notNull())
    .addColumn('ended_at', 'bigint', (column) => column.notNull())
    .addColumn('node_id', 'text', (column) => column.notNull())
    .addColumn('kind', 'text', (column) => column.notNull())
    .addColumn('filename', 'text', (column) => column.notNull())
    .addColumn('subfolder', 'text', (column) => column.notNull())
    .addColumn('type', 'text', (column) => column.notNull())
    .addPrimaryKeyConstraint('outputs_key', ['prompt_id', 'position'])
    .execute();
  const file = ['filename', 'subfolder', 'type'] as const;
  const newest = ['ended_at', 'prompt_id'] as const;
  await schema.createIndex('outputs_by_file').on('outputs').columns([...file, ...newest]).execute();
  await schema.createIndex('outputs_by_owner').on('outputs').columns(['owner', ...file, ...newest]).execute();
}

async function inputs({ schema }: Kysely<unknown>): Promise<void> {
  await schema
    .createTable('inputs')
    .addColumn('owner', 'text', (column) => column.notNull())
    .addColumn('type', 'text', (column) => column.notNull())
    .addColumn('subfolder', 'text', (column) => column.notNull())
    .addColumn('name', 'text', (column) => column.notNull())
    .addColumn('upstream_name', 'text', (column) => column.notNull())
    .addColumn('upstream_subfolder', 'text', (column) => column.notNull())
    .addColumn('hash', 'text', (column) => column.notNull())
    .addColumn('size', 'bigint', (column) => column.notNull())
    .addColumn('media_type', 'text', (column) => column.notNull())
    .addColumn('path', 'text', (column) => column.notNull())
    .addColumn('created_at', 'bigint', (column) => column.notNull())
    .addPrimaryKeyConstraint('inputs_key', ['owner', 'type', 'subfolder', 'name'])
    .execute();
  for (const column of ['upstream_name', 'path', 'created_at']) await schema.createIndex(`inputs_by_${column}`).on('inputs').column(column).execute();
  await schema
    .createTable('placements')
    .addColumn('instance', 'text', (column) => column.notNull())
    .addColumn('type', 'text', (column) => column.notNull())
    .addColumn('upstream_subfolder', 'text', (column) => column.notNull())
    .addColumn('upstream_name', 'text', (column) => column.notNull())
    .addPrimaryKeyConstraint('placements_key', ['upstream_name', 'upstream_subfolder', 'type', 'instance'])
    .execute();
}

/** What an instance has under a name is what was written there last. */
async function placesOfOutputs(db: Kysely<unknown>): Promise<void> {
  await db.schema.alterTable('outputs').addColumn('instance', 'text', (column) => column.notNull().defaultTo('')).execute();
  await db.schema.alterTable('outputs').addColumn('cached', 'integer', (column) => column.notNull().defaultTo(0)).execute();
  await sql`update outputs set instance = (select prompts.instance from prompts where prompts.prompt_id = outputs.prompt_id)`.execute(db);
  await db.schema.createIndex('outputs_by_place').on('outputs').columns(['filename', 'subfolder', 'type', 'instance', 'cached', 'ended_at', 'prompt_id']).execute();
}
