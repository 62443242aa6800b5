import type { Picture } from '../../node.ts';

/** The word that every picture of the painter carries. */
export const WORD = 'SANDBOX';

/** Letters as rows of dots, 5 x 7 and, for tiny pictures, 3 x 5. */
const FINE: Readonly<Record<string, readonly string[]>> = {
  S: ['01110', '10001', '10000', '01110', '00001', '10001', '01110'],
  A: ['01110', '10001', '10001', '11111', '10001', '10001', '10001'],
  N: ['10001', '11001', '11001', '10101', '10011', '10011', '10001'],
  D: ['11110', '10001', '10001', '10001', '10001', '10001', '11110'],
  B: ['11110', '10001', '10001', '11110', '10001', '10001', '11110'],
  O: ['01110', '10001', '10001', '10001', '10001', '10001', '01110'],
  X: ['10001', '10001', '01010', '00100', '01010', '10001', '10001'],
};
const COARSE: Readonly<Record<string, readonly string[]>> = {
  S: ['111', '100', '111', '001', '111'],
  A: ['010', '101', '111', '101', '101'],
  N: ['111', '101', '101', '101', '101'],
  D: ['110', '101', '101', '101', '110'],
  B: ['110', '101', '110', '101', '110'],
  O: ['111', '101', '101', '101', '111'],
  X: ['101', '101', '010', '101', '101'],
};

/** Rows of dots of a whole text, one blank column between letters. */
const dotsOf = (text: string, font: Readonly<Record<string, readonly string[]>>): string[] =>
  (font[text[0] ?? ''] ?? []).map((_, row) => Array.from(text, (letter) => font[letter]?.[row] ?? '').join('0'));

/** The word in falling width: fine, coarse, coarse on two lines. */
const SHAPES: readonly (readonly string[])[] = [
  dotsOf(WORD, FINE),
  dotsOf(WORD, COARSE),
  [...dotsOf('SAND', COARSE), '000000000000000', ...dotsOf('BOX', COARSE).map((row) => `00${row}00`)],
];

/** What the letters cover of the width and of the height at most, as long as a dot is a pixel or more. */
const SHARE = { width: 0.62, height: 0.22 };

interface Layout {
  readonly dots: readonly string[];
  /** Pixels per dot. */
  readonly scale: number;
  readonly left: number;
  readonly top: number;
}

const layoutFor = (width: number, height: number): Layout => {
  const columns = (dots: readonly string[]): number => dots[0]?.length ?? 0;
  const fits = SHAPES.find((dots) => columns(dots) + 2 <= width && dots.length + 2 <= height);
  const dots = fits ?? SHAPES.at(-1) ?? [];
  const scale = Math.max(1, Math.floor(Math.min((SHARE.width * width) / columns(dots), (SHARE.height * height) / dots.length)));
  const left = Math.max(0, Math.round((width - columns(dots) * scale) / 2));
  return { dots, scale, left, top: Math.max(0, height - (dots.length + 1) * scale - Math.round(height * 0.03)) };
};

/** A copy with SANDBOX at the lower edge, white on a dark plate, as large as fits. */
export const stamped = (picture: Picture): Picture => {
  const { width, height, channels } = picture;
  const { dots, scale, left, top } = layoutFor(width, height);
  const data = picture.data.slice();
  const right = left + (dots[0]?.length ?? 0) * scale;
  const bottom = top + dots.length * scale;
  for (let y = Math.max(0, top - scale); y < Math.min(height, bottom + scale); y++) {
    for (let x = Math.max(0, left - scale); x < Math.min(width, right + scale); x++) {
      const dot = dots[Math.floor((y - top) / scale)]?.[Math.floor((x - left) / scale)];
      const at = (y * width + x) * channels;
      for (let channel = 0; channel < Math.min(3, channels); channel++) data[at + channel] = dot === '1' ? 1 : (data[at + channel] ?? 0) * 0.2;
    }
  }
  return { width, height, channels, data };
};
