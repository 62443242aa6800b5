import type { Picture } from '../node.ts';
import type { Family } from './inputs.ts';
import { answer, frames, int, node } from './inputs.ts';
import { assertFits } from './pictures/budget.ts';
import { eachFrame, filled, firstOf } from './pictures/picture.ts';
import { padded } from './pictures/place.ts';

interface Margins {
  readonly left: number;
  readonly top: number;
  readonly right: number;
  readonly bottom: number;
}

/** Distance of a pixel from the nearest edge that gets a margin; `far` if none does. */
const distanceFrom = ({ left, top, right, bottom }: Margins, { width, height }: Picture) => (x: number, y: number): number =>
  Math.min(
    top === 0 ? height : y,
    bottom === 0 ? height : height - y,
    left === 0 ? width : x,
    right === 0 ? width : width - x,
  );

/** The old part's mask: 0, rising to 1 in a soft band of `feathering` pixels along padded edges. */
const softMask = (old: Picture, margins: Margins, feathering: number): Picture => {
  const { width, height } = old;
  const mask = filled({ width, height, channels: 1 }, 0);
  if (feathering <= 0 || feathering * 2 >= height || feathering * 2 >= width) return mask;
  const distance = distanceFrom(margins, old);
  for (let i = 0; i < mask.data.length; i++) {
    const share = (feathering - distance(i % width, Math.trunc(i / width))) / feathering;
    if (share > 0) mask.data[i] = share * share;
  }
  return mask;
};

/** ImagePadForOutpaint: grey margins, and the mask of what is to be painted. */
export const pad: Family = {
  ImagePadForOutpaint: node({ image: frames, left: int, top: int, right: int, bottom: int, feathering: int }, async (inputs) => {
    const { image, feathering, ...margins } = inputs;
    const first = firstOf(image);
    const area = { x: margins.left, y: margins.top, width: first.width + margins.left + margins.right, height: first.height + margins.top + margins.bottom };
    assertFits(area.width, area.height, image.length);
    const grown = await eachFrame(image, (frame) => padded(frame, area, 0.5));
    return answer(grown, [padded(softMask(first, margins, feathering), area, 1)]);
  }),
};
