/** Somebody who hands tasks over, hangs up, calls again with the same Idempotency-Key, and changes their mind. */
import { setTimeout as pause } from 'node:timers/promises';
import { isTerminal, TaskAccepted, TaskView } from '../../src/models/task.ts';
import type { Answer } from '../support/gateway-client.ts';
import { until } from '../support/until.ts';
import type { Order } from './orders.ts';
import type { World } from './world.ts';

export class Caller {
  readonly #world: World;
  readonly #under = new Set<Promise<void>>();

  constructor(world: World) {
    this.#world = world;
  }

  /** Begins; what does not reach the gateway now is made up for by `insist`. */
  begin(order: Order): void {
    this.#later(order.wish.hangUp === undefined ? this.#hand(order) : this.#hangUp(order, order.wish.hangUp));
  }

  /** Hands it over. Throws when the gateway does not take it. */
  async hand(order: Order): Promise<void> {
    await this.#hand(order);
  }

  /** Calls again for everything that was never answered, until it is. */
  async insist(): Promise<void> {
    await Promise.all([...this.#under]);
    const open = this.#world.orders.filter(({ taskId }) => taskId === undefined);
    await Promise.all(open.map((order) => until('the task is taken', async () => (await this.#hand(order), true), 20_000)));
    await Promise.all([...this.#under]);
  }

  /** The same call once more. */
  repeat(order: Order): Promise<Answer> {
    return this.#world.house.tasks.hand(order.body, { 'idempotency-key': order.key });
  }

  async #hand(order: Order): Promise<void> {
    const answer = await this.repeat(order);
    if (answer.status !== 202) throw new TypeError(`${answer.status}: ${answer.text}`);
    const { task_id: id } = TaskAccepted.parse(answer.body);
    if (order.taskId !== undefined && order.taskId !== id) this.#world.mishaps.push(`the call with key ${order.key} made task ${order.taskId} and task ${id}`);
    order.taskId = id;
    if (order.wish.cancel !== undefined && !order.cancelAsked) this.#later(this.#cancel(order, id, order.wish.cancel));
  }

  async #hangUp(order: Order, after: number): Promise<void> {
    const { url } = this.#world.house.tasks.gateway;
    const headers = { 'content-type': 'application/json', 'idempotency-key': order.key };
    const answer = await fetch(`${url}/api/v1/tasks`, { method: 'POST', headers, body: JSON.stringify(order.body), signal: AbortSignal.timeout(after) });
    await answer.body?.cancel();
  }

  async #cancel(order: Order, id: string, after: number): Promise<void> {
    await pause(after);
    order.cancelAsked = true;
    const answer = await this.#world.house.tasks.of(id, '/cancel', 'POST');
    if (answer.status !== 200) return;
    const { status } = TaskView.parse(answer.body);
    if (isTerminal(status)) order.cancelTold = status;
  }

  /** Calls may break off, as the gateway is killed. */
  #later(deed: Promise<void>): void {
    const one = deed.catch(() => undefined).finally(() => this.#under.delete(one));
    this.#under.add(one);
  }
}
