import type { Kysely } from 'kysely';

/** Which process follows a prompt, what came of its hand-over, and the task that it is a run of. */
export async function promptsOfProcesses({ schema }: Kysely<unknown>): Promise<void> {
  await schema.alterTable('prompts').addColumn('process', 'text', (column) => column.notNull().defaultTo('')).execute();
  await schema.alterTable('prompts').addColumn('accepted_at', 'bigint').execute();
  await schema.alterTable('prompts').addColumn('unanswered_at', 'bigint').execute();
  await schema.alterTable('prompts').addColumn('task_id', 'text').execute();
  await schema.createIndex('prompts_by_task').on('prompts').column('task_id').where('task_id', 'is not', null).execute();
  await schema
    .createTable('processes')
    .addColumn('id', 'text', (column) => column.primaryKey().notNull())
    .addColumn('role', 'text', (column) => column.notNull())
    .addColumn('host', 'text', (column) => column.notNull())
    .addColumn('pid', 'integer', (column) => column.notNull())
    .addColumn('seen_at', 'bigint', (column) => column.notNull())
    .execute();
}
