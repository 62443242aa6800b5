import type { Account } from './accounts.ts';
import type { Asked } from './asked.ts';
import { Refused } from './codes.ts';
import type { World } from './world.ts';

const withKey = ({ accounts }: World, key: string | undefined): Account | undefined => accounts.find((account) => account.key === key);

/** v1: the key is in the body, in the Bearer header or in both; then both must be the same good one. */
export function accountInV1(world: World, asked: Asked, inBody: unknown): Account {
  const key = typeof inBody === 'string' && inBody !== '' ? inBody : undefined;
  if (world.knobs.state.bearerOnly && (key !== undefined || asked.bearer === undefined)) throw new Refused(802);
  if (key === undefined && asked.bearer === undefined) throw new Refused(301, 'apiKey cannot be empty');
  const account = withKey(world, key ?? asked.bearer);
  if (!account || (asked.bearer !== undefined && asked.bearer !== account.key)) throw new Refused(806);
  return account;
}

/** v2 and alt-v1: the Bearer header alone. */
export function accountByBearer(world: World, asked: Asked, code = 806): Account {
  const account = withKey(world, asked.bearer);
  if (!account) throw new Refused(code);
  return account;
}
