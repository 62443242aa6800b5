import { type CompiledQuery, sql } from 'kysely';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { openSqlite } from '../../atoms/sqlite/sqlite.ts';
import { SqlInputRecords } from './input-records.ts';
import { openRecords } from './open.ts';
import { SqlPromptRecords } from './prompt-records.ts';
import type { Records, Tables } from './schema.ts';

const file = { filename: 'a.png', subfolder: '', type: 'output' } as const;
const input = { key: 'k', type: 'input', subfolder: '', name: 'n', upstreamName: 'u', upstreamSubfolder: '', hash: '', size: 1, mediaType: '', path: '', createdAt: 1 } as const;

/** The records' own statements, seen on their way to the database, each with SQLite's plan for it. */
describe('questions to the records', () => {
  let db: Records;
  const asked: CompiledQuery[] = [];
  beforeAll(async () => {
    const plain = await openRecords(':memory:', AbortSignal.timeout(10_000));
    db = plain.withPlugin({
      transformQuery: ({ node }) => {
        asked.push(plain.getExecutor().compileQuery(node, { queryId: 'plan' }));
        return node;
      },
      transformResult: async ({ result }) => result,
    });
  });
  afterAll(() => db.destroy());

  const plansOf = async (ask: () => Promise<unknown>): Promise<string> => {
    asked.length = 0;
    await ask();
    const queries = [...asked];
    const plans: string[] = [];
    for (const query of queries) {
      const explained = await sql<{ detail: string }>`explain query plan ${sql.raw(inline(query.sql, query.parameters))}`.execute(db);
      plans.push(...explained.rows.map((row) => row.detail));
    }
    return plans.join('\n');
  };
  const inline = (text: string, parameters: readonly unknown[]): string => {
    let index = 0;
    return text.replaceAll('?', () => {
      const value = parameters[index++];
      return typeof value === 'number' ? String(value) : `'${String(value)}'`;
    });
  };

  const prompts = () => new SqlPromptRecords(db, () => 1);
  const inputs = () => new SqlInputRecords(db);
  const questions: Record<string, () => Promise<unknown>> = {
    'a prompt by its id': () => prompts().find('p'),
    'many prompts by their ids': () => prompts().findMany(['p', 'q']),
    'the outputs of a prompt': () => prompts().outputs('p'),
    'one output of a prompt': () => prompts().findOutput('p', file),
    'the newest output of a name of one key': () => prompts().newestOutput('k', file),
    'the newest output of a name of anybody': () => prompts().newestOutput(undefined, file),
    'the names of outputs': () => prompts().outputNames(['a', 'b']),
    'the places of outputs': () => prompts().places([file, file]),
    'who wrote an output last': () => prompts().overwritten('p', 'i', file),
    'the prompts without an end': () => prompts().unfinished(),
    'the history of a prompt': () => prompts().history('p'),
    'the newest outputs': () => prompts().newestOutputs(10),
    'the prompts that are too old': () => prompts().expire(1),
    'a stop': () => prompts().requestStop(['p']),
    'a stop that is withdrawn': () => prompts().withdrawStop(['p']),
    'a hand-over': () => prompts().accepted('p', 1),
    'a hand-over without an answer': () => prompts().unanswered('p', 1),
    'the processes that have prompts': () => prompts().processes(),
    'the prompts of processes that are gone': () => prompts().takeOver(['a', 'b'], 'me'),
    'an upload by its name': () => inputs().find('k', file),
    'uploads by upstream name': () => inputs().findUpstream(['u', 'v']),
    'many uploads by their names': () => inputs().findMany('k', [file, file]),
    'a placement': () => inputs().placed('i', input),
    'unreferenced paths': () => inputs().unreferenced(['a', 'b']),
    'uploads that are too old': () => inputs().expire(1),
  };

  it.each(Object.entries(questions))('look up %s through an index, never through a whole table', async (_, ask) => {
    const plan = await plansOf(ask);
    expect(plan).toMatch(/SEARCH/);
    expect(plan).not.toMatch(/SCAN (?!newest|w$|p$|\d+-ROW VALUES|\d+ CONSTANT ROWS?)/m);
  });

  it.each(['the newest output of a name of one key', 'the newest output of a name of anybody', 'the prompts without an end', 'the outputs of a prompt'])('find %s in order, without sorting', async (name) => {
    const ask = questions[name];
    expect(ask && (await plansOf(ask))).not.toMatch(/TEMP B-TREE/);
  });
});

describe('a database that cannot be written', () => {
  it('fails with a clear sentence and leaves the caller alive', async () => {
    const db = await openRecords(':memory:', AbortSignal.timeout(10_000));
    await sql`pragma query_only = on`.execute(db);
    const refused = new SqlPromptRecords(db, () => 1).insert({ promptId: 'p', key: 'k', clientId: 'c', instance: 'i', createdAt: 1, process: 'me' });
    await expect(refused).rejects.toMatchObject({ code: 'INTERNAL_ERROR', status: 500, message: 'The gateway failed: the database could not record a prompt (attempt to write a readonly database).' });
    await sql`pragma query_only = off`.execute(db);
    expect(await new SqlPromptRecords(db, () => 1).insert({ promptId: 'p', key: 'k', clientId: 'c', instance: 'i', createdAt: 1, process: 'me' })).toBe(true);
    await db.destroy();
  });

  it('stops the start with the name of the file', async () => {
    await expect(openRecords('/dev/null/gateway.db', AbortSignal.timeout(10_000))).rejects.toMatchObject({ code: 'INTERNAL_ERROR', message: expect.stringContaining('/dev/null/gateway.db cannot be opened') });
  });

  it('says so after it was closed', async () => {
    const db = await openSqlite<Tables>(':memory:', AbortSignal.timeout(10_000));
    await db.destroy();
    await expect(new SqlPromptRecords(db, () => 1).find('p')).rejects.toMatchObject({ code: 'INTERNAL_ERROR' });
  });
});
