import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { join } from 'node:path';
import { text } from 'node:stream/consumers';
import { describe, expect, it } from 'vitest';
import { newId } from '../../src/atoms/ids/ids.ts';
import { openRecords } from '../../src/molecules/records/open.ts';
import { SqlTaskStore } from '../../src/molecules/records/task-records.ts';
import { temporaryFolder } from '../support/temporary-folder.ts';
import { deliveryStoreContract, taskStoreContract } from './task-store.ts';
import { accepted } from './task-store/made.ts';

const inMemory = () => openRecords(':memory:', AbortSignal.timeout(10_000));

describe('tasks in SQLite', () => taskStoreContract(inMemory));
describe('the outbox in SQLite', () => deliveryStoreContract(inMemory));

describe('several processes on one file', () => {
  /** Runs `work` in processes of their own, with a store on the file, at the same time. Answers what each prints as JSON. */
  async function processes<T>(file: string, count: number, work: string): Promise<T[]> {
    const source = join(import.meta.dirname, '../../src/');
    const program = (n: number) => `
      const [{ openRecords }, { SqlTaskStore }, { SqlDeliveryStore }, { newId }] = await Promise.all(['molecules/records/open.ts', 'molecules/records/task-records.ts', 'molecules/records/delivery-records.ts', 'atoms/ids/ids.ts'].map((path) => import(${JSON.stringify(source)} + path)));
      const db = await openRecords(${JSON.stringify(file)}, AbortSignal.timeout(20_000));
      const n = ${n};
      const store = new SqlTaskStore(db, { id: 'process ' + n, newId });
      const deliveries = new SqlDeliveryStore(db);
      const answer = await (async () => { ${work} })();
      await db.destroy();
      console.log(JSON.stringify(answer));`;
    const children = Array.from({ length: count }, (_, n) => spawn(process.execPath, ['--input-type=module', '-e', program(n)], { stdio: ['ignore', 'pipe', 'inherit'] }));
    return Promise.all(children.map(async (child) => {
      const [told, [code]] = await Promise.all([text(child.stdout), once(child, 'exit')]);
      expect(code).toBe(0);
      return JSON.parse(told) as T;
    }));
  }

  it('claim each task exactly once, however many claim at once', async () => {
    await using folder = await temporaryFolder();
    const file = join(folder.path, 'gateway.db');
    const db = await openRecords(file, AbortSignal.timeout(10_000));
    const store = new SqlTaskStore(db, { id: 'here', newId });
    const ids: string[] = [];
    for (let n = 0; n < 200; n += 1) ids.push((await accepted(store, { owner: `key${n % 3}` })).id);
    const claims = await processes<string[]>(file, 3, `
      const mine = [];
      for (let next = await store.claim('comfyui', { worker: 'w' + n, now: 2000 }); next; next = await store.claim('comfyui', { worker: 'w' + n, now: 2000 })) mine.push(next.task.id);
      return mine;`);
    expect(claims.flat().toSorted()).toEqual(ids.toSorted());
    expect(await store.loads()).toEqual(new Map([['comfyui', { pending: 0, processing: 200 }]]));
    expect((await store.workers()).every((worker) => /^w[012]$/.test(worker))).toBe(true);
    await db.destroy();
  });

  it('make one task of one idempotency key, and hand each delivery to one of them', async () => {
    await using folder = await temporaryFolder();
    const file = join(folder.path, 'gateway.db');
    const db = await openRecords(file, AbortSignal.timeout(10_000));
    const told = await processes<{ kinds: string[]; taken: string[] }>(file, 3, `
      const kinds = [];
      for (let k = 0; k < 40; k += 1) {
        const task = { id: newId(), owner: 'ann', admin: false, clientId: 'c', kind: 'workflow', type: 'WORKFLOW', name: '', engine: 'comfyui', priority: 0, createdAt: 1000, deadlineAt: undefined, metadata: undefined, webhook: { url: 'https://hook', events: ['queued'] }, plan: { inputs: {}, steps: [] } };
        kinds.push((await store.create(task, { maxPending: 1000, idempotency: { key: 'k' + k, hash: 'h', since: 0 } })).kind);
      }
      const taken = [];
      const few = () => deliveries.due('ann', { now: 2000, heldUntil: 90000 }, 3);
      for (let some = await few(); some.length > 0; some = await few()) taken.push(...some.map((one) => one.messageId));
      return { kinds, taken };`);
    const kinds = told.flatMap((one) => one.kinds);
    expect(kinds.filter((kind) => kind === 'created')).toHaveLength(40);
    expect(kinds.filter((kind) => kind === 'same')).toHaveLength(80);
    const taken = told.flatMap((one) => one.taken);
    expect(taken).toHaveLength(40);
    expect(new Set(taken).size).toBe(40);
    await db.destroy();
  });
});
