import { createHash } from 'node:crypto';

/** Answers the next number, 0 <= n < 1. */
export type Dice = () => number;

/** A generator wholly determined by a text: the same text, the same numbers (small fast counting, 32 bit). */
export const diceFor = (text: string): Dice => {
  const digest = createHash('sha256').update(text).digest();
  let a = digest.readUInt32LE(0);
  let b = digest.readUInt32LE(4);
  let c = digest.readUInt32LE(8);
  let counter = digest.readUInt32LE(12);
  return () => {
    const sum = (a + b + counter) | 0;
    counter = (counter + 1) | 0;
    a = b ^ (b >>> 9);
    b = (c + (c << 3)) | 0;
    c = ((c << 21) | (c >>> 11)) + sum;
    return (sum >>> 0) / 2 ** 32;
  };
};

/** A number between two bounds. */
export const between = (dice: Dice, low: number, high: number): number => low + (high - low) * dice();
