import { createHash, randomBytes } from 'node:crypto';
import { limits } from '../../constants/limits.ts';
import type { Caller } from '../../models/caller.ts';

/** A pass for one socket, for places that cannot send a header: browsers opening a WebSocket. */
export interface Ticket {
  readonly ticket: string;
  /** Milliseconds since 1970. */
  readonly expiresAt: number;
}

export interface Tickets {
  issue(caller: Caller): Ticket;
  /** Whose ticket it is; the ticket is used up. Undefined when it is unknown, used or too old. */
  redeem(ticket: string): Caller | undefined;
}

export interface TicketOptions {
  /** Milliseconds since 1970. */
  readonly now: () => number;
  /** Milliseconds that a ticket lives. */
  readonly age: number;
  /** Tickets waiting at most. When full, the caller's own oldest gives way, or the oldest of all. */
  readonly capacity?: number;
}

const digest = (ticket: string): string => createHash('sha256').update(ticket).digest('base64');

/** Tickets are 32 random bytes, kept as digests. All live equally long, so the order of issue is the order of expiry. */
export function createTickets({ now, age, capacity = limits.tickets }: TicketOptions): Tickets {
  const waiting = new Map<string, { readonly caller: Caller; readonly expiresAt: number }>();

  const forgetExpired = (): void => {
    for (const [key, { expiresAt }] of waiting) {
      if (expiresAt > now()) return;
      waiting.delete(key);
    }
  };

  const makeRoom = (caller: Caller): void => {
    if (waiting.size < capacity) return;
    const own = waiting.entries().find(([, entry]) => entry.caller.key === caller.key);
    const [oldest] = own ?? waiting.entries().next().value ?? [];
    if (oldest !== undefined) waiting.delete(oldest);
  };

  return {
    issue(caller) {
      forgetExpired();
      makeRoom(caller);
      const ticket = randomBytes(32).toString('base64url');
      const expiresAt = now() + age;
      waiting.set(digest(ticket), { caller, expiresAt });
      return { ticket, expiresAt };
    },
    redeem(ticket) {
      const key = digest(ticket);
      const entry = waiting.get(key);
      waiting.delete(key);
      return entry !== undefined && entry.expiresAt > now() ? entry.caller : undefined;
    },
  };
}
