import { describe, expect, it } from 'vitest';
import { failedWith } from '../core/errors.ts';
import { createKeyRing } from '../molecules/access/keys.ts';
import { createTickets } from '../molecules/access/tickets.ts';
import { AccessCoordinator, ticketAge } from './access-coordinator.ts';

const make = (authenticated: boolean) =>
  new AccessCoordinator({ keys: createKeyRing([{ name: 'alice', key: 'alice-key', admin: false }]), tickets: createTickets({ now: () => 1_000, age: ticketAge }), authenticated });
const alice = { key: 'alice', admin: false };

describe('with keys', () => {
  const access = make(true);

  it.each([[{ authorization: 'Bearer alice-key' }], [{ authorization: 'bearer   alice-key ' }], [{ apiKey: 'alice-key' }], [{ apiKey: 'alice-key', authorization: 'Basic of-some-proxy' }]])('%j is alice', (credentials) => {
    expect(access.authenticate(credentials)).toEqual(alice);
  });

  it.each([[{}], [{ authorization: 'alice-key' }], [{ authorization: 'Basic alice-key' }], [{ authorization: 'Bearer wrong' }], [{ apiKey: '' }], [{ apiKey: 'wrong', authorization: 'Bearer alice-key' }]])('%j is refused, and what was sent is not repeated', (credentials) => {
    const attempt = () => access.authenticate(credentials);
    expect(attempt).toThrow(expect.objectContaining({ code: 'UNAUTHORIZED' }));
    try { attempt(); } catch (error) { expect(failedWith(error) && error.message).not.toMatch(/wrong|alice-key/); }
  });

  it('issues tickets that redeem to their caller once', () => {
    const { ticket, ...rest } = access.issueTicket(alice);
    expect(rest).toEqual({ expires_at: 61_000, expires_in: 60 });
    expect(access.redeemTicket(ticket)).toEqual(alice);
    expect(access.redeemTicket(ticket)).toBeUndefined();
  });
});

it('without keys everyone is the local admin, whatever was sent', () => {
  expect(make(false).authenticate({})).toEqual({ key: 'local', admin: true });
  expect(make(false).authenticate({ authorization: 'Bearer whatever' })).toEqual({ key: 'local', admin: true });
});
