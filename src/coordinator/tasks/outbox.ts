import { reasonOf } from '../../core/errors.ts';
import type { Logger } from '../../core/logger.ts';
import type { DeliveryStore, DueDelivery } from '../../models/delivery-store.ts';
import type { Webhooks } from '../../molecules/webhooks/webhooks.ts';
import { Wake } from './wake.ts';

export interface OutboxParts {
  readonly deliveries: DeliveryStore;
  readonly webhooks: Pick<Webhooks, 'send'>;
  readonly log: Logger;
  /** Milliseconds that one is held: longer than a receiver may take. Should this process die, it is made again after them. */
  readonly held: number;
  readonly now: () => number;
  readonly sleep: (ms: number, signal: AbortSignal) => Promise<void>;
}

/** Milliseconds between looks for deliveries whose time has come. */
const LOOK_EVERY = 500;
/** Deliveries under way at once, those of one owner, and those of one owner to one receiver: a slow one holds nobody else up. */
const [AT_ONCE, PER_OWNER, PER_HOST] = [64, 16, 8];
/** Milliseconds that one waits whose receiver is slow, so that it stands in nobody's way, and after which a receiver that has not answered is slow. */
const [PASSED_OVER, SLOW] = [1_000, 1_000];
/** Turns of an owner in one look, and deliveries that are taken in one. */
const [TURNS, TOGETHER] = [32, PER_HOST];

interface UnderWay {
  readonly owner: string;
  readonly host: string;
  readonly since: number;
  readonly over: Promise<void>;
}

/** Delivers webhooks out of the outbox until they are taken or too old. Owners take turns, whatever each has waiting. */
export class Outbox {
  readonly #parts: OutboxParts;
  readonly #under = new Map<string, UnderWay>();
  /** Owners with something due, whose turn is longest ago first. */
  #line: readonly string[] = [];
  readonly #wake = new Wake();

  constructor(parts: OutboxParts) {
    this.#parts = parts;
  }

  /** There may be something to deliver. */
  wake(): void {
    this.#wake.now();
  }

  /** Until the signal fires. What is under way then is given up, and due for the next process. */
  async run(signal: AbortSignal): Promise<void> {
    while (!signal.aborted) {
      await this.#look(signal).catch((error: unknown) => this.#parts.log.error('the outbox of webhooks could not be read; trying again', { reason: reasonOf(error) }));
      await this.#wake.within(LOOK_EVERY, this.#parts.sleep, signal);
    }
    await Promise.all([...this.#under.values()].map(({ over }) => over));
  }

  async #look(signal: AbortSignal): Promise<void> {
    const due = await this.#parts.deliveries.owners(this.#parts.now());
    this.#line = [...due.filter((owner) => !this.#line.includes(owner)), ...this.#line.filter((owner) => due.includes(owner))];
    let owners = this.#line;
    for (let turn = 0; turn < TURNS && owners.length > 0; turn += 1) {
      const more: string[] = [];
      for (const owner of owners) {
        if (this.#under.size >= AT_ONCE || signal.aborted) return;
        if (await this.#turn(owner, signal)) more.push(owner);
      }
      owners = more;
    }
  }

  /** True when the owner may have more that can be begun. */
  async #turn(owner: string, signal: AbortSignal): Promise<boolean> {
    const { deliveries, now, held } = this.#parts;
    const room = Math.min(TOGETHER, PER_OWNER - this.#open(owner).length, AT_ONCE - this.#under.size);
    if (room <= 0) return false;
    this.#line = [...this.#line.filter((one) => one !== owner), owner];
    const due = await deliveries.due(owner, { now: now(), heldUntil: now() + held }, room);
    const passedOver = due.filter((delivery) => !this.#begin(delivery, signal));
    const { later = [], soon = [] } = Object.groupBy(passedOver, ({ url }) => (this.#isSlow(owner, hostOf(url)) ? 'later' : 'soon'));
    await deliveries.putBack(later, now() + PASSED_OVER);
    await deliveries.putBack(soon, now());
    // Their receiver has room before long, and the end of a delivery wakes us; what is due longer than these comes first then.
    return due.length === room && soon.length === 0;
  }

  #open(owner: string): readonly UnderWay[] {
    return [...this.#under.values()].filter((one) => one.owner === owner);
  }

  #isSlow(owner: string, host: string): boolean {
    const before = this.#parts.now() - SLOW;
    return this.#open(owner).some((one) => one.host === host && one.since <= before);
  }

  /** False when its receiver is busy. */
  #begin(delivery: DueDelivery, signal: AbortSignal): boolean {
    const key = `${delivery.taskId}/${delivery.n}`;
    const [owner, host] = [delivery.owner, hostOf(delivery.url)];
    if (this.#under.has(key)) return true;
    if (this.#open(owner).filter((one) => one.host === host).length >= PER_HOST) return false;
    const over = this.#deliver(delivery, signal)
      .catch(async (error: unknown) => {
        if (!signal.aborted) throw error;
        await this.#parts.deliveries.putBack([delivery], this.#parts.now());
      })
      .catch((error: unknown) => this.#parts.log.error('what became of a webhook could not be written; it is made again', { task_id: delivery.taskId, reason: reasonOf(error) }))
      .finally(() => {
        this.#under.delete(key);
        this.wake();
      });
    this.#under.set(key, { owner, host, since: this.#parts.now(), over });
    return true;
  }

  async #deliver(delivery: DueDelivery, signal: AbortSignal): Promise<void> {
    const { webhooks, deliveries, now, log } = this.#parts;
    const outcome = await webhooks.send(delivery, signal);
    if (outcome.kind === 'failed') signal.throwIfAborted();
    if (outcome.kind === 'delivered') return deliveries.delivered(delivery, now(), outcome.status);
    const { status, error, nextAt } = outcome;
    await deliveries.failed(delivery, { status, error, nextAt });
    log[nextAt === undefined ? 'warn' : 'info'](nextAt === undefined ? 'a webhook is given up' : 'a webhook was not taken; it is tried again', { task_id: delivery.taskId, n: delivery.n, attempts: delivery.attempts + 1, reason: error });
  }
}

const hostOf = (url: string): string => (URL.canParse(url) ? new URL(url).host : '');
