/** What must hold when everything is quiet again. Each function answers a sentence for everything that does not. */
import { isTerminal } from '../../src/models/task.ts';
import type { AttemptRow, EventRow, TaskRow, Written } from './database.ts';
import type { Order } from './orders.ts';
import type { Received } from './receiver.ts';

/** One that was never answered, or never ended, is lost; keys make one task each. */
export function lost(orders: readonly Order[], { tasks }: Written): string[] {
  const byKey = Map.groupBy(tasks, ({ metadata }) => String(z(metadata)['key']));
  return orders.flatMap(({ key, taskId }) => {
    const made = byKey.get(key) ?? [];
    const [task] = made;
    if (!task || made.length > 1 || task.id !== taskId) return [`key ${key} was answered with task ${taskId ?? '-'} and made ${made.length}: ${made.map(({ id }) => id).join()}`];
    return isTerminal(task.status) ? [] : [`task ${task.id} is ${task.status} for ever (attempt ${task.attempt}, job ${task.job_id ?? '-'})`];
  });
}

/** Numbered 1..n, and nothing after an ending but a new beginning; the last tells how it ended. */
export function badlyTold({ tasks, events }: Written): string[] {
  const byTask = Map.groupBy(events, ({ task_id: id }) => id);
  return tasks.flatMap((task) => faultOf(task, byTask.get(task.id) ?? []) ?? []);
}

function faultOf(task: TaskRow, events: readonly EventRow[]): string | undefined {
  const story = events.map(({ seq, event }) => `${seq} ${event}`).join(', ');
  const isNumbered = events.every(({ seq }, n) => seq === n + 1) && events.length === task.seq;
  const endings = events.filter(({ event }) => event === 'completed' || event === 'failed' || event === 'cancelled');
  const endsWell = endings.length === 1 && events.at(-1) === endings[0] && endings[0]?.event === task.status;
  return isNumbered && endsWell ? undefined : `task ${task.id} is ${task.status} with seq ${task.seq}, and its events are: ${story}`;
}

/** Cancelled only by those who wanted it; failed never: nobody asked for anything impossible. */
export function badlyEnded(orders: readonly Order[], { tasks, attempts }: Written): string[] {
  const orderOf = new Map(orders.map((order) => [order.taskId, order]));
  const faults = tasks.flatMap((task) => {
    const order = orderOf.get(task.id);
    if (task.status === 'failed') return [`task ${task.id} (${order?.wish.sort ?? '?'}) failed after ${task.attempt} attempts: ${task.error ?? ''}`];
    if (task.status === 'cancelled' && order?.cancelAsked !== true) return [`task ${task.id} was cancelled, and nobody wanted that`];
    if (order?.cancelTold !== undefined && order.cancelTold !== task.status) return [`a cancel of task ${task.id} was answered with ${order.cancelTold}, and it is ${task.status}`];
    return [];
  });
  const open = attempts.filter(({ outcome }) => outcome === 'running').map(({ task_id: id, attempt }) => `attempt ${attempt} of task ${id} runs for ever`);
  return [...faults, ...open];
}

/** `executions`: of each prompt in each life of each sandbox. `mayRepeat`: sandboxes forgot what they had done, so it had to be done again. */
export function doubled(executions: readonly (readonly [string, number])[], { attempts, tasks }: Written, mayRepeat: boolean): string[] {
  const times = new Map<string, number>();
  for (const [id, count] of executions) times.set(id, (times.get(id) ?? 0) + count);
  const known = new Set(attempts.map(({ job_id: id }) => id));
  const twice = [...times].filter(([, count]) => count > 1).map(([id, count]) => `prompt ${id} was executed ${count} times`);
  const strange = [...times.keys()].filter((id) => !known.has(id)).map((id) => `prompt ${id} was executed, and belongs to no attempt`);
  const ofStep = (one: AttemptRow): string => `${one.task_id} ${one.step ?? ''}`;
  const ran = Map.groupBy(attempts.filter(({ job_id: id }) => id !== null && times.has(id)), ofStep);
  const single = new Set(tasks.filter(({ attempt }) => attempt === 1).map(({ id }) => id));
  const again = [...ran].filter(([, all]) => all.length > 1 && (!mayRepeat || single.has(all[0]?.task_id ?? ''))).map(([step, all]) => `task ${step} was executed ${all.length} times, although nothing was forgotten: ${all.map((one) => `${one.job_id} ${one.outcome} ${one.error ?? ''}`).join('; ')}`);
  return [...twice, ...strange, ...again];
}

/** Every ending with a webhook was delivered, signed, and under the same id whenever it was repeated. */
export function undelivered(received: readonly Received[], { events, deliveries }: Written): string[] {
  const messages = Map.groupBy(received, ({ taskId, seq }) => `${taskId} ${seq}`);
  const faults = deliveries.flatMap(({ task_id: id, seq, message_id: message, status, last_error: error }) => {
    const came = messages.get(`${id} ${seq}`) ?? [];
    if (came.length === 0 || status !== 'delivered') return [`event ${seq} of task ${id}: its webhook is ${status} and came ${came.length} times (${error ?? ''})`];
    if (came.some((one) => !one.valid)) return [`event ${seq} of task ${id}: its webhook came with a wrong signature`];
    return came.every((one) => one.id === message) ? [] : [`event ${seq} of task ${id}: its webhook came as ${came.map((one) => one.id).join()}`];
  });
  const written = new Set(events.map(({ task_id: id, seq, event }) => `${id} ${seq} task.${event}`));
  const untrue = received.filter(({ taskId, seq, type }) => !written.has(`${taskId} ${seq} ${type}`)).map(({ taskId, seq, type }) => `a webhook told of ${type}, event ${seq} of task ${taskId}, which is not written`);
  return [...faults, ...untrue];
}

/** Endings of tasks with a webhook have a delivery each. */
export function unsent({ tasks, events, deliveries }: Written): string[] {
  const sent = new Set(deliveries.map(({ task_id: id, seq }) => `${id} ${seq}`));
  const hooked = new Set(tasks.filter((task) => task.hooked === 1).map(({ id }) => id));
  return events.filter(({ task_id: id, event, seq }) => hooked.has(id) && ['completed', 'failed', 'cancelled'].includes(event) && !sent.has(`${id} ${seq}`)).map(({ task_id: id, seq }) => `event ${seq} of task ${id} has no webhook`);
}

const z = (metadata: string | null): Readonly<Record<string, unknown>> => ({ ...(JSON.parse(metadata ?? '{}') as object) });
