import type { Picture } from '../../node.ts';
import { Interrupted } from '../../node.ts';
import { filled } from '../pictures/picture.ts';
import { everyRow } from '../pictures/rows.ts';
import { diceFor } from './dice.ts';
import { paletteOf } from './palette.ts';
import type { Scene } from './scenes.ts';
import { composers } from './scenes.ts';

/** What a picture depends on: `prompt` sets its colours and kind, `rest` (seed, size, settings, frame) its composition. */
export interface Recipe {
  readonly prompt: string;
  readonly rest: string;
  /** width / height */
  readonly aspect: number;
}

/** The scene of a recipe; the same recipe gives the same scene on every machine. */
export const sceneOf = ({ prompt, rest, aspect }: Recipe): Scene => {
  const taste = diceFor(`taste ${prompt}`);
  const palette = paletteOf(taste);
  const compose = composers[Math.trunc(taste() * composers.length)] ?? composers[0];
  const scene = compose?.(diceFor(`composition ${rest} ${prompt}`), palette, aspect);
  return scene ?? (() => [0, 0, 0]);
};

export interface Canvas {
  readonly width: number;
  readonly height: number;
}

/** Paints a scene, 3 channels, at any resolution. */
export const paint = async (scene: Scene, { width, height }: Canvas, signal: AbortSignal): Promise<Picture> => {
  const picture = filled({ width, height, channels: 3 }, 0);
  await everyRow(height, (y) => {
    if (signal.aborted) throw new Interrupted();
    for (let x = 0; x < width; x++) picture.data.set(scene((x + 0.5) / height, (y + 0.5) / height), (y * width + x) * 3);
  });
  return picture;
};

/** White noise, 3 channels. */
export const noisePicture = (text: string, { width, height }: Canvas): Picture => {
  const dice = diceFor(`noise ${text}`);
  const picture = filled({ width, height, channels: 3 }, 0);
  for (let i = 0; i < picture.data.length; i++) picture.data[i] = dice();
  return picture;
};

/** From `a` (share 0) to `b` (share 1), two frames of one size. */
export const blended = async (a: Picture, b: Picture, share: number): Promise<Picture> => {
  if (share <= 0) return a;
  if (share >= 1) return b;
  const result = filled(a, 0);
  const row = a.width * a.channels;
  await everyRow(a.height, (y) => {
    for (let i = y * row; i < (y + 1) * row; i++) result.data[i] = (a.data[i] ?? 0) * (1 - share) + (b.data[i] ?? 0) * share;
  });
  return result;
};
