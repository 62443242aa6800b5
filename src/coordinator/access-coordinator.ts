import { fail } from '../core/errors.ts';
import type { Caller } from '../models/caller.ts';
import type { KeyRing } from '../molecules/access/keys.ts';
import type { Tickets } from '../molecules/access/tickets.ts';

/** What a caller presents, as the headers say it. */
export interface Credentials {
  readonly authorization?: string | undefined;
  readonly apiKey?: string | undefined;
}

export interface IssuedTicket {
  readonly ticket: string;
  /** Milliseconds since 1970. */
  readonly expires_at: number;
  /** Seconds from now. */
  readonly expires_in: number;
}

/** Seconds that a ticket lives. */
const ticketSeconds = 60;
export const ticketAge = ticketSeconds * 1_000;

const everybody: Caller = Object.freeze({ key: 'local', admin: true });

/** Who calls, and the tickets by which a browser's socket says so. */
export class AccessCoordinator {
  readonly #keys: KeyRing;
  readonly #tickets: Tickets;
  readonly #authenticated: boolean;

  /** Without `authenticated` everyone is the same caller and may do everything. */
  constructor({ keys, tickets, authenticated }: { readonly keys: KeyRing; readonly tickets: Tickets; readonly authenticated: boolean }) {
    this.#keys = keys;
    this.#tickets = tickets;
    this.#authenticated = authenticated;
  }

  /** X-API-Key counts before Authorization, which a proxy in between may use for itself. Throws UNAUTHORIZED. */
  authenticate({ authorization, apiKey }: Credentials): Caller {
    if (!this.#authenticated) return everybody;
    const caller = this.#keys.identify(apiKey ?? bearer(authorization));
    if (caller === undefined) throw fail('UNAUTHORIZED', 'the key that was sent is not known');
    return caller;
  }

  issueTicket(caller: Caller): IssuedTicket {
    const { ticket, expiresAt } = this.#tickets.issue(caller);
    return { ticket, expires_at: expiresAt, expires_in: ticketSeconds };
  }

  /** Whose ticket it is, once. */
  redeemTicket(ticket: string): Caller | undefined {
    return this.#tickets.redeem(ticket);
  }
}

function bearer(authorization: string | undefined): string {
  if (authorization === undefined) throw fail('UNAUTHORIZED', 'send it as "Authorization: Bearer …" or "X-API-Key: …"');
  const [, key] = /^Bearer +(\S+) *$/i.exec(authorization) ?? [];
  if (key === undefined) throw fail('UNAUTHORIZED', 'the Authorization header must read "Bearer …"');
  return key;
}
