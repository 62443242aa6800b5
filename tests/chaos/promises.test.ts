/** The judge of the chaos is one who says no: each promise is broken here once. */
import { describe, expect, it } from 'vitest';
import type { AttemptRow, DeliveryRow, EventRow, TaskRow, Written } from './database.ts';
import type { Order } from './orders.ts';
import { badlyEnded, badlyTold, doubled, lost, undelivered, unsent } from './promises.ts';
import type { Received } from './receiver.ts';
import { scenesOf } from './rounds.ts';

const task: TaskRow = { id: 't', status: 'completed', attempt: 1, seq: 2, job_id: 'p', worker: null, error: null, metadata: '{"key":"k"}', cancel_requested_at: null, hooked: 1 };
const queued: EventRow = { task_id: 't', seq: 1, event: 'queued', status: 'pending', data: '{}' };
const completed: EventRow = { ...queued, seq: 2, event: 'completed', status: 'completed' };
const attempt: AttemptRow = { task_id: 't', attempt: 1, step: null, instance: 'i', job_id: 'p', outcome: 'completed', error: null };
const delivery: DeliveryRow = { task_id: 't', n: 1, seq: 2, event: 'completed', message_id: 'm', status: 'delivered', attempts: 1, next_at: null, last_error: null };
const order: Order = { wish: { sort: 'graph', place: 'east' }, key: 'k', body: {}, source: undefined, wants: [], taskId: 't', cancelAsked: false, cancelTold: undefined };
const hook: Received = { taskId: 't', seq: 2, type: 'task.completed', id: 'm', valid: true };

const fine: Written = { tasks: [task], events: [queued, completed], attempts: [attempt], deliveries: [delivery], prompts: [] };
const with1 = (over: Partial<Written>): Written => ({ ...fine, ...over });

describe('a world that keeps its promises', () => {
  it('is not blamed', () => {
    expect([...lost([order], fine), ...badlyTold(fine), ...badlyEnded([order], fine), ...doubled([['p', 1]], fine, false), ...undelivered([hook, hook], fine), ...unsent(fine)]).toEqual([]);
  });
});

describe('a world is blamed for', () => {
  const again = { ...attempt, attempt: 2, job_id: 'q' };
  const faults: readonly (readonly [string, readonly string[]])[] = [
    ['a task that never ended', lost([order], with1({ tasks: [{ ...task, status: 'processing' }] }))],
    ['a task that is gone', lost([order], with1({ tasks: [] }))],
    ['two tasks of one key', lost([order], with1({ tasks: [task, { ...task, id: 'u' }] }))],
    ['a number that is left out', badlyTold(with1({ events: [queued, { ...completed, seq: 3 }] }))],
    ['two endings', badlyTold(with1({ tasks: [{ ...task, seq: 3 }], events: [queued, completed, { ...completed, seq: 3 }] }))],
    ['an ending that is not the last', badlyTold(with1({ events: [{ ...completed, seq: 1 }, { ...queued, seq: 2 }] }))],
    ['an ending that is another one', badlyTold(with1({ tasks: [{ ...task, status: 'cancelled' }] }))],
    ['a failure', badlyEnded([order], with1({ tasks: [{ ...task, status: 'failed' }] }))],
    ['a cancel that nobody wanted', badlyEnded([order], with1({ tasks: [{ ...task, status: 'cancelled' }] }))],
    ['another ending than a cancel was told', badlyEnded([{ ...order, cancelAsked: true, cancelTold: 'cancelled' }], fine)],
    ['an attempt that never ends', badlyEnded([order], with1({ attempts: [{ ...attempt, outcome: 'running' }] }))],
    ['a prompt that ran twice', doubled([['p', 1], ['p', 1]], fine, true)],
    ['a prompt of nobody', doubled([['x', 1]], fine, true)],
    ['a task that ran twice although nothing was forgotten', doubled([['p', 1], ['q', 1]], with1({ tasks: [{ ...task, attempt: 2 }], attempts: [attempt, again] }), false)],
    ['a task that ran twice in one attempt', doubled([['p', 1], ['q', 1]], with1({ attempts: [attempt, again] }), true)],
    ['a webhook that never came', undelivered([], fine)],
    ['a webhook that waits for ever', undelivered([hook], with1({ deliveries: [{ ...delivery, status: 'pending' }] }))],
    ['a wrong signature', undelivered([{ ...hook, valid: false }], fine)],
    ['another id at a repetition', undelivered([hook, { ...hook, id: 'other' }], fine)],
    ['a webhook of what never happened', undelivered([hook, { ...hook, seq: 7 }], fine)],
    ['an ending without a webhook', unsent(with1({ deliveries: [] }))],
  ];
  it.each(faults)('%s', (_what, told) => {
    expect(told).toHaveLength(1);
  });
});

it('a seed means the same round every time, and another one another', () => {
  expect(scenesOf(7)).toEqual(scenesOf(7));
  expect(scenesOf(7)).not.toEqual(scenesOf(8));
});
