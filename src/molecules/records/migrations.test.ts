import { join } from 'node:path';
import { sql } from 'kysely';
import { expect, test } from 'vitest';
import { temporaryFolder } from '../../../tests/support/temporary-folder.ts';
import { migrate, openSqlite } from '../../atoms/sqlite/sqlite.ts';
import { migrations } from './migrations.ts';
import { openRecords } from './open.ts';
import { SqlPromptRecords } from './prompt-records.ts';
import type { Tables } from './schema.ts';

test('outputs of an earlier version are told apart by the instances of their prompts', async () => {
  await using folder = await temporaryFolder();
  const signal = AbortSignal.timeout(10_000);
  const file = join(folder.path, 'gateway.db');
  const old = await openSqlite<Tables>(file, signal);
  await migrate(old, { '001-prompts-and-files': migrations['001-prompts-and-files'] });
  for (const [id, instance, endedAt] of [['p', 'one', 1], ['q', 'two', 2], ['r', 'one', 3]] as const) {
    await sql`insert into prompts (prompt_id, owner, client_id, instance, state, created_at, ended_at) values (${id}, 'ann', 'c', ${instance}, 'completed', 1, ${endedAt})`.execute(old);
    await sql`insert into outputs (prompt_id, position, owner, ended_at, node_id, kind, filename, subfolder, type) values (${id}, 0, 'ann', ${endedAt}, '9', 'image', 'a.png', '', 'output')`.execute(old);
  }
  await old.destroy();
  const db = await openRecords(file, signal);
  const prompts = new SqlPromptRecords(db, () => 1);
  const ref = { filename: 'a.png', subfolder: '', type: 'output' } as const;
  expect(await prompts.find('p')).toMatchObject({ process: '', acceptedAt: undefined, unansweredAt: undefined, taskId: undefined });
  expect((await prompts.findOutput('q', ref))?.instance).toBe('two');
  expect(await Promise.all([['p', 'one'], ['q', 'two'], ['r', 'one']].map(([id = '', instance = '']) => prompts.overwritten(id, instance, ref)))).toEqual([true, false, false]);
  await db.destroy();
});
