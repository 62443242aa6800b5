import { createHash, randomBytes } from 'node:crypto';

/** Ids of 19 digits that never repeat within a process, and that `Number` would damage: they are odd and above 2^60. */
export class Ids {
  #count = 0n;

  next(): string {
    this.#count += 1n;
    return String((BigInt(Date.now()) << 20n) + this.#count * 2n + 1n);
  }
}

/** 32 hex digits, as of a clientId. */
export const hex32 = (): string => randomBytes(16).toString('hex');

export const sha256 = (of: string | Buffer): string => createHash('sha256').update(of).digest('hex');
