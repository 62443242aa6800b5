import type { Dice } from './dice.ts';
import { between } from './dice.ts';
import { fieldOf, layered } from './field.ts';
import type { Colour } from './palette.ts';
import { mix, pick } from './palette.ts';

/** The colour at a point: y runs from 0 (top) to 1, x from 0 to the aspect ratio width / height. */
export type Scene = (x: number, y: number) => Colour;

/** Composes a scene of a certain kind from dice, five colours and an aspect ratio. */
export type Composer = (dice: Dice, palette: readonly Colour[], aspect: number) => Scene;

const smooth = (from: number, to: number, value: number): number => {
  const t = Math.min(1, Math.max(0, (value - from) / (to - from)));
  return t * t * (3 - 2 * t);
};

/** Mountain ridges in haze under a sun. */
const ridges: Composer = (dice, palette, aspect) => {
  const lines = layered(fieldOf(dice), 5);
  const clouds = layered(fieldOf(dice), 4);
  const sun = { x: between(dice, 0.2, 0.8) * aspect, y: between(dice, 0.16, 0.42), radius: between(dice, 0.05, 0.12) };
  const count = 5;
  const sky = (x: number, y: number): Colour => {
    const far = Math.hypot(x - sun.x, y - sun.y);
    const air = mix(pick(palette, 0.45 + 0.55 * y), pick(palette, 0.9), 0.5 * smooth(0.45, 0.8, clouds(x * 2, y * 7)));
    const lit = mix(air, [1, 0.97, 0.88], 0.7 * Math.exp(-far / (sun.radius * 2.2)));
    return mix([1, 0.98, 0.92], lit, smooth(sun.radius - 0.004, sun.radius + 0.004, far));
  };
  return (x, y) => {
    for (let near = count - 1; near >= 0; near--) {
      const crest = 0.42 + near * 0.12 - (0.34 - near * 0.03) * (lines(x * (1.1 + near * 0.45) + near * 41, near * 13.1) - 0.35);
      if (y < crest) continue;
      return mix(pick(palette, 0.62 - near * 0.155), pick(palette, 0.8 - near * 0.12), smooth(0, 0.35, y - crest));
    }
    return sky(x, y);
  };
};

/** Ink in water: a field bent by other fields, with contour lines. */
const currents: Composer = (dice, palette) => {
  const bend = layered(fieldOf(dice), 3);
  const body = layered(fieldOf(dice), 5);
  const scale = between(dice, 1.6, 3.2);
  const pull = between(dice, 1.2, 2.6);
  return (x, y) => {
    const dx = bend(x * scale, y * scale) - 0.5;
    const dy = bend(x * scale + 5.2, y * scale + 1.3) - 0.5;
    const height = body(x * scale + pull * dx, y * scale + pull * dy);
    const line = Math.abs(((height * 14) % 1) - 0.5) * 2;
    return mix(pick(palette, smooth(0.2, 0.8, height)), pick(palette, 1), 0.25 * smooth(0.86, 1, line));
  };
};

/** Lit spheres floating before a gradient. */
const spheres: Composer = (dice, palette, aspect) => {
  const mist = layered(fieldOf(dice), 4);
  const balls = Array.from({ length: 9 + Math.trunc(dice() * 8) }, () => ({
    x: dice() * aspect,
    y: between(dice, 0.08, 0.92),
    radius: 0.03 + 0.17 * dice() ** 2,
    tone: between(dice, 0.25, 0.95),
  })).sort((a, b) => b.radius - a.radius);
  return (x, y) => {
    for (const ball of balls) {
      const dx = (x - ball.x) / ball.radius;
      const dy = (y - ball.y) / ball.radius;
      const inside = dx * dx + dy * dy;
      if (inside > 1) continue;
      const light = Math.max(0, -0.45 * dx - 0.6 * dy + 0.66 * Math.sqrt(1 - inside));
      return mix(pick(palette, ball.tone * (0.2 + 0.8 * light)), [1, 1, 1], 0.8 * light ** 18);
    }
    return pick(palette, 0.15 + 0.55 * y + 0.3 * (mist(x * 3, y * 3) - 0.5));
  };
};

export const composers: readonly Composer[] = [ridges, currents, spheres];
