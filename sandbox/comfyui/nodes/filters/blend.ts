import type { Picture } from '../../node.ts';
import { NodeFailure } from '../../node.ts';
import { mapped } from '../pictures/picture.ts';

/** What becomes of a lower value `a` under an upper value `b`. */
type Blend = (a: number, b: number) => number;

const { fround } = Math;

const screen: Blend = (a, b) => fround(1 - fround(fround(1 - a) * fround(1 - b)));

/** The curve that soft light brightens along. */
const lifted = (a: number): number => (a <= 0.25 ? ((16 * a - 12) * a + 4) * a : Math.sqrt(a));

const MODES: Readonly<Record<string, Blend>> = {
  normal: (_, b) => b,
  multiply: (a, b) => a * b,
  screen,
  overlay: (a, b) => (a <= 0.5 ? 2 * a * b : 1 - 2 * (1 - a) * (1 - b)),
  soft_light: (a, b) => (b <= 0.5 ? a - (1 - 2 * b) * a * (1 - a) : a + (2 * b - 1) * (lifted(a) - a)),
  difference: (a, b) => a - b,
};

/** The blend of a name; an unknown one is a `ValueError`. */
export const blendOf = (mode: string): Blend => {
  const found = Object.hasOwn(MODES, mode) ? MODES[mode] : undefined;
  if (!found) throw new NodeFailure('ValueError', `Unsupported blend mode: ${mode}`);
  return found;
};

/** `under` with a share of the blend over it, two frames of one size and as many channels; clipped to 0..1. */
export const blendFrames = (under: Picture, over: Picture, { blend, share }: { blend: Blend; share: number }): Promise<Picture> => {
  const rest = fround(1 - share);
  const part = fround(share);
  return mapped(under, (value, i) => {
    const above = fround(blend(value, over.data[i] ?? 0));
    return Math.min(1, Math.max(0, fround(fround(value * rest) + fround(above * part))));
  });
};
