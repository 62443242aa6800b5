/**
 * A database with many tasks that have ended: one is made as the gateway makes them, the others are copies of it, one second
 * older each. Of 20, one failed and one was cancelled.
 *
 *   node bench/seed/main.ts file count
 */
import { DatabaseSync } from 'node:sqlite';
import { openRecords } from '../../src/molecules/records/open.ts';
import { SqlTaskStore } from '../../src/molecules/records/task-records.ts';
import { graph } from '../harness/graph.ts';

const [file = '', count = '0'] = process.argv.slice(2);
/** A UUID of version 7 in the order of time; the newest has the number 0. */
const idOf = (time: string, n: string): string => `printf('%08x-%04x-7000-8000-%012x', (${time}) / 65536, (${time}) % 65536, ${n})`;

const first = await makeOne();
copy(first, Number(count) - 1);

/** The newest of all. Answers its id. */
async function makeOne(): Promise<string> {
  const records = await openRecords(file, AbortSignal.timeout(30_000));
  const store = new SqlTaskStore(records, { id: 'seed', newId: () => crypto.randomUUID() });
  const now = Date.now() - 60_000;
  const hex = now.toString(16).padStart(12, '0');
  const id = `${hex.slice(0, 8)}-${hex.slice(8)}-7000-8000-000000000000`;
  const step = { name: '', engine: 'comfyui', template: undefined, workflow: graph(), inputs: {}, deferred: false, extraData: undefined };
  const task = { id, owner: '', admin: true, clientId: 'seed', kind: 'workflow', type: 'WORKFLOW', name: '', engine: 'comfyui', priority: 0, createdAt: now, deadlineAt: undefined, metadata: { order: 17 } } as const;
  await store.create({ ...task, plan: { inputs: {}, steps: [step] }, webhook: undefined }, { maxPending: 10, idempotency: undefined });
  const claimed = await store.claim('comfyui', { worker: 'seed', now: now + 100 });
  if (!claimed) throw new Error('the first task could not be claimed');
  await store.change(claimed.claim, { inputsFetchedAt: now + 101, jobId: crypto.randomUUID(), instance: 'seed' });
  const output = { node_id: '2', kind: 'image', filename: 'seed_00001_.png', subfolder: '', type: 'output', url: '/api/v1/images/download?filename=seed_00001_.png' } as const;
  await store.end(claimed.claim, { status: 'completed', endedAt: now + 900, error: undefined, outputs: [output], warnings: [], executedAt: now + 800, storedAt: now + 890 });
  await records.destroy();
  return id;
}

function copy(id: string, copies: number): void {
  const database = new DatabaseSync(file);
  const columnsOf = (table: string): string[] => database.prepare(`select name from pragma_table_info('${table}')`).all().map((row) => String(row['name']));
  const numbers = `with recursive numbers(n) as (select 1 union all select n + 1 from numbers where n < ${copies})`;
  const times = new Set(['created_at', 'available_at', 'started_at', 'inputs_fetched_at', 'executed_at', 'stored_at', 'ended_at', 'at']);
  const status = `case numbers.n % 20 when 0 then 'failed' when 1 then 'cancelled' else 'completed' end`;
  const valueOf = (column: string): string => (column === 'id' || column === 'task_id' ? idOf(`(select created_at from tasks where id = '${id}') - numbers.n * 1000`, 'numbers.n') : column === 'status' ? status : times.has(column) ? `one.${column} - numbers.n * 1000` : `one.${column}`);
  database.exec('begin');
  for (const [table, key] of [['tasks', 'id'], ['task_details', 'task_id'], ['task_attempts', 'task_id'], ['task_events', 'task_id']] as const) {
    const columns = columnsOf(table).filter((column) => table !== 'task_events' || column !== 'id');
    database.exec(`${numbers} insert into ${table} (${columns.join(', ')}) select ${columns.map(valueOf).join(', ')} from numbers, ${table} as one where one.${key} = '${id}'`);
  }
  database.exec('commit');
  database.close();
}
