import { describe, expect, it } from 'vitest';
import { createTickets } from './tickets.ts';

const alice = { key: 'alice', admin: false };
const bob = { key: 'bob', admin: false };

function prepare(capacity?: number) {
  const clock = { time: 1_000 };
  return { clock, tickets: createTickets({ now: () => clock.time, age: 60_000, ...(capacity === undefined ? {} : { capacity }) }) };
}

describe('a ticket', () => {
  it('serves its caller once', () => {
    const { tickets } = prepare();
    const { ticket, expiresAt } = tickets.issue(alice);
    expect(expiresAt).toBe(61_000);
    expect(tickets.redeem(ticket)).toEqual(alice);
    expect(tickets.redeem(ticket)).toBeUndefined();
  });

  it('has 32 random bytes and fits into a URL', () => {
    const { tickets } = prepare();
    const many = new Set(Array.from({ length: 100 }, () => tickets.issue(alice).ticket));
    expect(many.size).toBe(100);
    for (const ticket of many) expect(Buffer.from(ticket, 'base64url')).toHaveLength(32);
    for (const ticket of many) expect(ticket).toBe(encodeURIComponent(ticket));
  });

  it('is worth nothing from the last millisecond on', () => {
    const { tickets, clock } = prepare();
    const [early, late] = [tickets.issue(alice).ticket, tickets.issue(alice).ticket];
    clock.time += 59_999;
    expect(tickets.redeem(early)).toEqual(alice);
    clock.time += 1;
    expect(tickets.redeem(late)).toBeUndefined();
  });

  it('is unknown when it was never issued', () => {
    expect(prepare().tickets.redeem('x')).toBeUndefined();
  });
});

describe('a full house of tickets', () => {
  it("gives up the caller's own oldest, not those of others", () => {
    const { tickets } = prepare(2);
    const bobs = tickets.issue(bob).ticket;
    const [first, second] = [tickets.issue(alice).ticket, tickets.issue(alice).ticket];
    expect(tickets.redeem(first)).toBeUndefined();
    expect(tickets.redeem(second)).toEqual(alice);
    expect(tickets.redeem(bobs)).toEqual(bob);
  });

  it('gives up the oldest of all for a caller who has none', () => {
    const { tickets } = prepare(1);
    const old = tickets.issue(bob).ticket;
    const fresh = tickets.issue(alice).ticket;
    expect(tickets.redeem(old)).toBeUndefined();
    expect(tickets.redeem(fresh)).toEqual(alice);
  });

  it('forgets the expired first', () => {
    const { tickets, clock } = prepare(2);
    tickets.issue(alice);
    clock.time += 50_000;
    const second = tickets.issue(alice).ticket;
    clock.time += 20_000;
    tickets.issue(alice);
    expect(tickets.redeem(second)).toEqual(alice);
  });
});
