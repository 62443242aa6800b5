import type { Bitmap } from '../pictures/picture.ts';

/** Red, green, blue as bytes. */
export type Rgb = readonly [number, number, number];

interface Shade {
  readonly colour: Rgb;
  /** Pixels of this colour. */
  readonly count: number;
}

interface Box {
  readonly shades: readonly Shade[];
  readonly count: number;
}

/** How much a difference in red, green, blue weighs to the eye. */
const WEIGHTS = [77, 150, 29] as const;

const AXES = [0, 1, 2] as const;
type Axis = (typeof AXES)[number];

const boxOf = (shades: readonly Shade[]): Box => ({ shades, count: shades.reduce((sum, { count }) => sum + count, 0) });

const shadesOf = ({ data, channels }: Bitmap): Shade[] => {
  const counts = new Map<number, number>();
  for (let i = 0; i < data.length; i += channels) {
    const key = ((data[i] ?? 0) << 16) | ((data[i + 1] ?? 0) << 8) | (data[i + 2] ?? 0);
    counts.set(key, (counts.get(key) ?? 0) + 1);
  }
  return Array.from(counts, ([key, count]) => ({ colour: [key >> 16, (key >> 8) & 255, key & 255], count }));
};

const spread = ({ shades }: Box, axis: Axis): number => {
  let low = 255;
  let high = 0;
  for (const { colour } of shades) {
    low = Math.min(low, colour[axis]);
    high = Math.max(high, colour[axis]);
  }
  return (high - low) * WEIGHTS[axis];
};

/** Cuts a box across its widest axis where half of its pixels are passed; equal values stay together. */
const halves = (box: Box): readonly [Box, Box] | undefined => {
  const axis = AXES.reduce((widest, next) => (spread(box, next) > spread(box, widest) ? next : widest));
  const sorted = box.shades.toSorted((a, b) => b.colour[axis] - a.colour[axis]);
  const valueAt = (i: number): number | undefined => sorted[i]?.colour[axis];
  let at = 0;
  let passed = 0;
  while (at < sorted.length && passed * 2 <= box.count) passed += sorted[at++]?.count ?? 0;
  while (at < sorted.length && valueAt(at) === valueAt(at - 1)) at++;
  if (at === sorted.length) at = sorted.findIndex((_, i) => valueAt(i) === valueAt(sorted.length - 1));
  return at > 0 ? [boxOf(sorted.slice(0, at)), boxOf(sorted.slice(at))] : undefined;
};

const average = ({ shades, count }: Box): Rgb => {
  const mean = (axis: Axis): number => Math.trunc(0.5 + shades.reduce((sum, shade) => sum + shade.colour[axis] * shade.count, 0) / count);
  return [mean(0), mean(1), mean(2)];
};

/** At most `colours` colours for a picture: the fullest box is cut in two until there are enough. */
export const medianCut = (bitmap: Bitmap, colours: number): Rgb[] => {
  const open = [boxOf(shadesOf(bitmap))];
  const closed: Box[] = [];
  while (open.length > 0 && open.length + closed.length < colours) {
    const fullest = open.reduce((most, next) => (next.count > most.count ? next : most));
    open.splice(open.indexOf(fullest), 1);
    const cut = halves(fullest);
    if (cut) open.push(...cut);
    else closed.push(fullest);
  }
  return [...open, ...closed].map(average);
};
