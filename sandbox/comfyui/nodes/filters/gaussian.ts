const { fround } = Math;

/** A square of weights that add up to 1, row by row. */
export interface Kernel {
  /** Pixels from the centre to the edge; the side is 2 x radius + 1. */
  readonly radius: number;
  readonly weights: Float32Array;
}

/** A bell over a square whose sides run from -1 to 1 whatever the radius: `sigma` 1 is one radius. */
export const gaussian = (radius: number, sigma: number): Kernel => {
  const side = 2 * radius + 1;
  const at = Float32Array.from({ length: side }, (_, i) => (i - radius) / radius);
  const weights = new Float32Array(side * side);
  let sum = 0;
  for (let i = 0; i < weights.length; i++) {
    const x = at[i % side] ?? 0;
    const y = at[Math.trunc(i / side)] ?? 0;
    const distance = fround(Math.sqrt(fround(fround(x * x) + fround(y * y))));
    weights[i] = Math.exp(fround(-fround(distance * distance) / fround(2 * sigma * sigma)));
    sum += weights[i] ?? 0;
  }
  return { radius, weights: weights.map((weight) => weight / fround(sum)) };
};

/** What sharpens: the bell turned over, `alpha` x 10 strong, with a centre that makes the sum 1. */
export const sharpening = (kernel: Kernel, alpha: number): Kernel => {
  const weights = kernel.weights.map((weight) => weight * fround(-(alpha * 10)));
  const centre = Math.trunc(weights.length / 2);
  const sum = fround(weights.reduce((total, weight) => total + weight, 0));
  weights[centre] = fround((weights[centre] ?? 0) - sum) + 1;
  return { radius: kernel.radius, weights };
};
