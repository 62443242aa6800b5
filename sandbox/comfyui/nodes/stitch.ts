import type { Batch, Picture } from '../node.ts';
import { NodeFailure } from '../node.ts';
import type { Family } from './inputs.ts';
import { answer, flag, frames, int, node, text } from './inputs.ts';
import { assertFits } from './pictures/budget.ts';
import { toChannels } from './pictures/channels.ts';
import { filled, firstOf } from './pictures/picture.ts';
import { padded, pasted } from './pictures/place.ts';
import { resampled } from './pictures/resample.ts';

type Rgb = readonly [number, number, number];

const WHITE: Rgb = [1, 1, 1];
const COLOURS: Readonly<Record<string, Rgb>> = {
  white: WHITE,
  black: [0, 0, 0],
  red: [1, 0, 0],
  green: [0, 1, 0],
  blue: [0, 0, 1],
};

interface Seam {
  readonly sideways: boolean;
  readonly match: boolean;
  /** Even number of pixels between the two pictures. */
  readonly width: number;
  readonly colour: Rgb;
}

/** The second picture with the first one's height (or width), its proportions kept. */
const matched = (first: Picture, second: Picture, sideways: boolean): Promise<Picture> => {
  const width = sideways ? Math.trunc(first.height * (second.width / second.height)) : first.width;
  const height = sideways ? first.height : Math.trunc(first.width / (second.width / second.height));
  if (width < 1 || height < 1) throw new NodeFailure('ValueError', 'height and width must be > 0');
  assertFits(width, height);
  return resampled(second, { width, height, method: 'lanczos' });
};

/** The picture centred on a ground as high (or wide) as `side`. */
const centredOn = (picture: Picture, side: number, { sideways, colour }: Seam): Picture => {
  const grey = colour.every((part) => part === colour[0]) ? colour[0] : 0;
  const area = sideways
    ? { x: 0, y: Math.trunc((side - picture.height) / 2), width: picture.width, height: side }
    : { x: Math.trunc((side - picture.width) / 2), y: 0, width: side, height: picture.height };
  assertFits(area.width, area.height);
  return padded(picture, area, grey);
};

/** A strip of the seam's colour, opaque. */
const strip = (beside: Picture, { sideways, width: thickness, colour }: Seam): Picture => {
  const { channels } = beside;
  const width = sideways ? thickness : beside.width;
  const height = sideways ? beside.height : thickness;
  const result = filled({ width, height, channels }, 1);
  for (let i = 0; i < result.data.length; i++) result.data[i] = colour[i % channels] ?? 1;
  return result;
};

const joined = (parts: readonly Picture[], sideways: boolean): Picture => {
  const [first] = parts;
  const width = sideways ? parts.reduce((sum, part) => sum + part.width, 0) : (first?.width ?? 0);
  const height = sideways ? (first?.height ?? 0) : parts.reduce((sum, part) => sum + part.height, 0);
  assertFits(width, height);
  let ground = filled({ width, height, channels: first?.channels ?? 3 }, 0);
  let at = 0;
  for (const part of parts) {
    ground = pasted(ground, part, sideways ? { x: at, y: 0 } : { x: 0, y: at });
    at += sideways ? part.width : part.height;
  }
  return ground;
};

/** Two frames of one height (or width) and equal channels. */
const levelled = async (first: Picture, second: Picture, seam: Seam): Promise<readonly [Picture, Picture]> => {
  const channels = Math.max(first.channels, second.channels) === 4 ? 4 : 3;
  const side = (picture: Picture): number => (seam.sideways ? picture.height : picture.width);
  const fitted = seam.match ? await matched(first, second, seam.sideways) : second;
  const most = Math.max(side(first), side(fitted));
  const level = (picture: Picture): Promise<Picture> => toChannels(side(picture) === most ? picture : centredOn(picture, most, seam), channels);
  return [await level(first), await level(fitted)];
};

/** The frame for place `i`: a shorter batch repeats its last one. */
const heldOn = (batch: Batch, i: number): Picture => batch[i] ?? batch.at(-1) ?? firstOf(batch);

const stitched = async (first: Picture, second: Picture, seam: Seam & { readonly secondFirst: boolean }): Promise<Picture> => {
  const pair = await levelled(first, second, seam);
  const [before, after] = seam.secondFirst ? [pair[1], pair[0]] : pair;
  return joined(seam.width > 0 ? [before, strip(before, seam), after] : [before, after], seam.sideways);
};

/** ImageStitch: two pictures side by side or one above the other; the shorter batch repeats its last frame. */
export const stitch: Family = {
  ImageStitch: node(
    { image1: frames, image2: frames.optional(), direction: text, match_image_size: flag, spacing_width: int, spacing_color: text },
    async ({ image1, image2, direction, match_image_size: match, spacing_width: spacing, spacing_color: name }) => {
      if (!image2) return answer(image1);
      const sideways = direction === 'left' || direction === 'right';
      const secondFirst = direction === 'left' || direction === 'up';
      const seam = { sideways, secondFirst, match, width: spacing + (spacing % 2), colour: COLOURS[name] ?? WHITE };
      const count = Math.max(image1.length, image2.length);
      const result: Picture[] = [];
      for (let i = 0; i < count; i++) {
        const frame = await stitched(heldOn(image1, i), heldOn(image2, i), seam);
        assertFits(frame.width, frame.height, count);
        result.push(frame);
      }
      return answer(result);
    },
  ),
};
