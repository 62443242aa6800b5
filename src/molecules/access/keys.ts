import { createHash, timingSafeEqual } from 'node:crypto';
import type { Caller } from '../../models/caller.ts';

export interface KnownKey {
  readonly name: string;
  readonly key: string;
  readonly admin: boolean;
}

/** Tells whose key was presented. */
export interface KeyRing {
  identify(presented: string): Caller | undefined;
}

const digest = (text: string): Buffer => createHash('sha256').update(text).digest();

/** Every comparison is of two digests of equal length and in constant time, and all keys are compared every time. */
export function createKeyRing(keys: readonly KnownKey[]): KeyRing {
  const known = keys.map(({ name, key, admin }) => ({ digest: digest(key), caller: { key: name, admin } }));
  return {
    identify(presented) {
      const given = digest(presented);
      let found: Caller | undefined;
      for (const one of known) if (timingSafeEqual(one.digest, given)) found = one.caller;
      return found;
    },
  };
}
