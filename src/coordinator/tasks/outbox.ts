import { reasonOf } from '../../core/errors.ts';
import type { Logger } from '../../core/logger.ts';
import type { DeliveryStore, DueDelivery } from '../../models/delivery-store.ts';
import type { Webhooks } from '../../molecules/webhooks/webhooks.ts';

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
/** Deliveries under way at once, and those of one receiver: a slow one holds nobody else up. */
const AT_ONCE = 32;
const PER_HOST = 8;

/** Delivers webhooks out of the outbox until they are taken or too old. */
export class Outbox {
  readonly #parts: OutboxParts;
  readonly #under = new Map<string, { readonly host: string; readonly over: Promise<void> }>();
  #wake: (() => void) | undefined;

  constructor(parts: OutboxParts) {
    this.#parts = parts;
  }

  /** There may be something to deliver. */
  wake(): void {
    this.#wake?.();
  }

  /** Until the signal fires. What is under way then is given up, and made again by the next process. */
  async run(signal: AbortSignal): Promise<void> {
    while (!signal.aborted) {
      await this.#look(signal).catch((error: unknown) => this.#parts.log.error('the outbox of webhooks could not be read; trying again', { reason: reasonOf(error) }));
      const rest = new AbortController();
      const woken = new Promise<void>((resolve) => (this.#wake = resolve));
      await Promise.race([woken, this.#parts.sleep(LOOK_EVERY, AbortSignal.any([signal, rest.signal])).catch(() => undefined)]);
      rest.abort();
    }
    await Promise.all([...this.#under.values()].map(({ over }) => over));
  }

  async #look(signal: AbortSignal): Promise<void> {
    const { deliveries, now, held } = this.#parts;
    while (this.#under.size < AT_ONCE && !signal.aborted) {
      const due = await deliveries.due(now(), now() + held, AT_ONCE - this.#under.size);
      for (const delivery of due) this.#begin(delivery, signal);
      if (due.length === 0 || this.#crowded(due)) return;
    }
  }

  /** All of these go to receivers that are busy already. */
  #crowded(due: readonly DueDelivery[]): boolean {
    return due.every(({ url }) => this.#count(hostOf(url)) >= PER_HOST);
  }

  #count(host: string): number {
    return [...this.#under.values()].filter((one) => one.host === host).length;
  }

  #begin(delivery: DueDelivery, signal: AbortSignal): void {
    const key = `${delivery.taskId}/${delivery.n}`;
    if (this.#under.has(key)) return;
    const over = this.#deliver(delivery, signal)
      .catch((error: unknown) => {
        if (!signal.aborted) this.#parts.log.error('what became of a webhook could not be written; it is made again', { task_id: delivery.taskId, reason: reasonOf(error) });
      })
      .finally(() => {
        this.#under.delete(key);
        this.wake();
      });
    this.#under.set(key, { host: hostOf(delivery.url), over });
  }

  async #deliver(delivery: DueDelivery, signal: AbortSignal): Promise<void> {
    const { webhooks, deliveries, now, log } = this.#parts;
    const outcome = await webhooks.send(delivery, signal);
    if (signal.aborted && outcome.kind === 'failed') return;
    if (outcome.kind === 'delivered') return deliveries.delivered(delivery, now(), outcome.status);
    const { status, error, nextAt } = outcome;
    await deliveries.failed(delivery, { status, error, nextAt });
    log[nextAt === undefined ? 'warn' : 'info'](nextAt === undefined ? 'a webhook is given up' : 'a webhook was not taken; it is tried again', { task_id: delivery.taskId, n: delivery.n, attempts: delivery.attempts + 1, reason: error });
  }
}

const hostOf = (url: string): string => (URL.canParse(url) ? new URL(url).host : '');
