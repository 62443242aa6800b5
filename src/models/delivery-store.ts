/**
 * The outbox of webhooks. The task store puts deliveries in, in the transaction of their event; they are tried until they are
 * delivered or too old. A delivery is handed to one process at a time: whoever takes it holds it for a while.
 */
import type { Delivery, TaskEventName } from './task.ts';

/** A delivery to be made now. `body` is the JSON text, the same at every try. */
export interface DueDelivery {
  readonly taskId: string;
  readonly n: number;
  /** The key that the task is of. */
  readonly owner: string;
  /** Unique over all; the `webhook-id`. */
  readonly messageId: string;
  readonly url: string;
  readonly event: TaskEventName;
  readonly body: string;
  /** Tries before this one. */
  readonly attempts: number;
  readonly createdAt: number;
}

export interface DeliveryStore {
  /** Those who have deliveries whose time has come. */
  owners(now: number): Promise<readonly string[]>;
  /** Up to `limit` of that owner whose time has come, each held until `heldUntil`: should this process die, another takes them then. */
  due(owner: string, when: { readonly now: number; readonly heldUntil: number }, limit: number): Promise<readonly DueDelivery[]>;
  /** When the next one comes due; undefined when none waits. */
  nextDue(): Promise<number | undefined>;
  delivered(delivery: Pick<DueDelivery, 'taskId' | 'n'>, at: number, status: number): Promise<void>;
  /** `nextAt` undefined: given up. */
  failed(delivery: Pick<DueDelivery, 'taskId' | 'n'>, told: { readonly status: number | undefined; readonly error: string; readonly nextAt: number | undefined }): Promise<void>;
  /** Of those that were taken and not tried: others may take them from then on. */
  putBack(deliveries: readonly Pick<DueDelivery, 'taskId' | 'n'>[], at: number): Promise<void>;
  list(taskId: string): Promise<readonly Delivery[]>;
  /** Due again at once, whatever became of it. False when there is none. */
  redeliver(taskId: string, n: number, now: number): Promise<boolean>;
}
