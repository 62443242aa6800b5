import { NodeFailure } from '../../node.ts';

/** The most pixels one value on a link may hold: width x height x frames. */
export const MAX_PIXELS = 64 * 1024 * 1024;

/** Refuses what would not fit, before memory is taken: `torch.OutOfMemoryError`, as a GPU would say it. */
export const assertFits = (width: number, height: number, frames = 1): void => {
  if (width * height * frames <= MAX_PIXELS) return;
  const wanted = `${frames} x ${width} x ${height} pixels`;
  throw new NodeFailure('torch.OutOfMemoryError', `Allocation on device failed: ${wanted} exceed the limit of ${MAX_PIXELS} pixels per value.`);
};
