import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { startTestSandbox, type TestSandbox } from '../../../tests/support/engine.ts';
import { freshId, solidColour } from '../../../tests/support/graphs.ts';
import { HttpText } from '../../atoms/http/http.ts';
import { ComfyuiHistory } from '../../molecules/comfyui-history/history.ts';
import { ComfyuiQueue } from '../../molecules/comfyui-queue/queue.ts';
import { instanceOf } from '../../molecules/instance-pool/address.ts';
import { InstancePool } from '../../molecules/instance-pool/pool.ts';
import { PromptTracker } from '../../molecules/prompt-tracker/tracker.ts';
import { GRACE, GRACE_AFTER_DEATH, UnansweredPrompts } from './unanswered.ts';

const never = new AbortController().signal;
let engine: TestSandbox;
let http: HttpText;
let tracker: PromptTracker;
let pool: InstancePool;
let now: number;
let nudges: number;
/** Prompts that were there after all. */
let seen: string[];
/** Ends the pause between two looks. */
let turns: (() => void)[];
let prompts: UnansweredPrompts;

const instance = (): ReturnType<typeof instanceOf> => instanceOf(engine.url);

beforeEach(async () => {
  engine = await startTestSandbox();
  http = new HttpText();
  tracker = new PromptTracker();
  pool = new InstancePool([instance()]);
  pool.connected(instance().name, { at: 0, sandbox: true, version: undefined });
  [now, nudges, seen, turns] = [1_000_000, 0, [], []];
  tracker.onNudge(instance().name, () => (nudges += 1));
  const comfyui = { queue: new ComfyuiQueue(http, { timeoutMs: 500 }), history: new ComfyuiHistory(http, { timeoutMs: 500 }) };
  const sleep = (): Promise<void> => new Promise((resolve) => void turns.push(resolve));
  const log = { debug: () => undefined };
  prompts = new UnansweredPrompts({ comfyui, pool, tracker, log, now: () => now, sleep }, (promptId) => Promise.resolve(void seen.push(promptId)));
});
afterEach(async () => {
  http.close();
  await engine[Symbol.asyncDispose]();
});

function follow(promptId = freshId()): string {
  tracker.add({ promptId, key: 'alice', clientId: 'watcher', instance: instance().name, createdAt: now, classes: new Map() });
  prompts.follow(promptId, instance());
  return promptId;
}

/** One that a process left which is gone. */
function adopt(unansweredAt?: number): string {
  const promptId = freshId();
  tracker.add({ promptId, key: 'alice', clientId: 'watcher', instance: instance().name, createdAt: now, classes: new Map(), adopted: true, unansweredSince: unansweredAt ?? now });
  prompts.adopt({ promptId, unansweredAt }, instance());
  return promptId;
}

/** One look at the instance, and what follows from it. */
async function look(ms = 1_000): Promise<void> {
  now += ms;
  turns.shift()?.();
  await expect.poll(() => turns.length, { interval: 5, timeout: 5_000 }).toBe(1);
}

const post = async (promptId: string): Promise<unknown> => fetch(`${engine.url}/prompt`, { method: 'POST', body: JSON.stringify({ prompt: solidColour(), prompt_id: promptId }) });

test('one that never appears is left to its ending when the grace is over, not before', async () => {
  const id = follow();
  await look(GRACE - 1);
  expect([tracker.get(id)?.phase, tracker.get(id)?.acceptedAt, nudges]).toEqual(['submitting', undefined, 0]);
  now += 1;
  turns.shift()?.();
  await tracker.whenSeen(id, never);
  expect([tracker.get(id)?.phase, tracker.get(id)?.acceptedAt, nudges, turns.length, seen]).toEqual(['queued', now, 1, 0, []]);
});

test('one that is in the queue is followed from then on, and told to be there', async () => {
  engine.sandbox.knobs.set({ hold: true });
  await post(freshId());
  const id = follow();
  await look();
  await post(id);
  turns.shift()?.();
  await tracker.whenSeen(id, never);
  expect(tracker.get(id)).toMatchObject({ phase: 'queued', number: 1, acceptedAt: now });
  await expect.poll(() => seen).toEqual([id]);
  engine.sandbox.knobs.reset();
});

test('one of many that have ended unseen is found within some looks', async () => {
  const others = Array.from({ length: 40 }, () => follow());
  const id = follow();
  await post(id);
  await expect.poll(() => engine.sandbox.counters.snapshot.executions[id]).toBe(1);
  for (let looks = 0; looks < 5 && tracker.get(id)?.phase === 'submitting'; looks += 1) await look();
  expect([tracker.get(id)?.phase, others.filter((other) => tracker.get(other)?.phase !== 'submitting')]).toEqual(['queued', []]);
});

test('an instance that is away or does not answer is not taken for one that does not have it', async () => {
  const id = follow();
  engine.sandbox.knobs.set({ hang: { 'GET /queue': 1 } });
  await look();
  pool.disconnected(instance().name, 'away');
  const { requests } = engine.sandbox.counters.snapshot;
  await look();
  expect([tracker.get(id)?.phase, engine.sandbox.counters.snapshot.requests]).toEqual(['submitting', requests]);
});

describe('one of a process that is gone', () => {
  test('that died in the middle of the call is left to its ending ten seconds after its adoption', async () => {
    const id = adopt();
    await look(GRACE_AFTER_DEATH - 1);
    expect([tracker.get(id)?.phase, nudges]).toEqual(['submitting', 0]);
    now += 1;
    turns.shift()?.();
    await tracker.whenSeen(id, never);
    expect([tracker.get(id)?.phase, nudges, seen]).toEqual(['queued', 1, []]);
  });

  test('that had got no answer has the rest of its grace', async () => {
    const id = adopt(now - GRACE + 60_000);
    await look(59_999);
    expect(tracker.get(id)?.phase).toBe('submitting');
    now += 1;
    turns.shift()?.();
    await tracker.whenSeen(id, never);
    expect(nudges).toBe(1);
  });

  test('that appears is followed and told to be there, and the others wait on', async () => {
    const [id, other] = [adopt(), adopt()];
    await post(id);
    await look();
    expect([tracker.get(id)?.phase, tracker.get(other)?.phase, seen]).toEqual(['queued', 'submitting', [id]]);
  });
});
