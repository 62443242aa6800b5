import type { Dice } from './dice.ts';
import { between } from './dice.ts';

/** Red, green, blue, each 0..1. */
export type Colour = readonly [number, number, number];

export const mix = (a: Colour, b: Colour, t: number): Colour => [a[0] + (b[0] - a[0]) * t, a[1] + (b[1] - a[1]) * t, a[2] + (b[2] - a[2]) * t];

const BLACK: Colour = [0, 0, 0];

/** Hue in turns, saturation and lightness 0..1. */
export const hsl = (hue: number, saturation: number, lightness: number): Colour => {
  const reach = saturation * Math.min(lightness, 1 - lightness);
  const part = (offset: number): number => {
    const sector = (offset + hue * 12) % 12;
    return lightness - reach * Math.max(-1, Math.min(sector - 3, 9 - sector, 1));
  };
  return [part(0), part(8), part(4)];
};

/** How far the hue travels from the darkest to the lightest colour, in turns: neighbours, split, opposite. */
const JOURNEYS = [0.12, 0.22, 0.38, 0.5];

/** Five colours from dark to light. */
export const paletteOf = (dice: Dice): readonly Colour[] => {
  const hue = dice();
  const journey = (JOURNEYS[Math.trunc(dice() * JOURNEYS.length)] ?? 0.2) * (dice() < 0.5 ? -1 : 1);
  const saturation = between(dice, 0.45, 0.85);
  return [0, 1, 2, 3, 4].map((i) => hsl((hue + (journey * i) / 4 + 1) % 1, saturation, 0.12 + i * 0.185));
};

/** A colour between the palette's, t from 0 (dark) to 1 (light). */
export const pick = (palette: readonly Colour[], t: number): Colour => {
  const place = Math.min(0.9999, Math.max(0, t)) * (palette.length - 1);
  const lower = Math.trunc(place);
  return mix(palette[lower] ?? BLACK, palette[lower + 1] ?? BLACK, place - lower);
};
