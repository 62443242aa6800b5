import { describe, expect, it } from 'vitest';
import { filled } from '../pictures/picture.ts';
import { stamped } from './letters.ts';

/** The white dots of a stamped black picture as text, cropped to what is drawn. */
const drawn = (width: number, height: number): string[] => {
  const { data } = stamped(filled({ width, height, channels: 3 }, 0));
  const rows = Array.from({ length: height }, (_, y) => Array.from({ length: width }, (_unused, x) => (data[(y * width + x) * 3] === 1 ? '#' : ' ')).join(''));
  const used = rows.filter((row) => row.includes('#'));
  const left = Math.min(...used.map((row) => row.indexOf('#')));
  return used.map((row) => row.slice(left).trimEnd());
};

describe('the word every painted picture carries', () => {
  it('reads SANDBOX', () => {
    expect(drawn(48, 48)).toEqual([
      ' ###   ###  #   # ####  ####   ###  #   #',
      '#   # #   # ##  # #   # #   # #   # #   #',
      '#     #   # ##  # #   # #   # #   #  # #',
      ' ###  ##### # # # #   # ####  #   #   #',
      '    # #   # #  ## #   # #   # #   #  # #',
      '#   # #   # #  ## #   # #   # #   # #   #',
      ' ###  #   # #   # ####  ####   ###  #   #',
    ]);
  });

  it('still reads so on the smallest picture, on two lines', () => {
    expect(drawn(16, 16)).toEqual([
      '###  #  ### ##',
      '#   # # # # # #',
      '### ### # # # #',
      '  # # # # # # #',
      '### # # # # ##',
      '  ##  ### # #',
      '  # # # # # #',
      '  ##  # #  #',
      '  # # # # # #',
      '  ##  ### # #',
    ]);
  });

  it('takes more than half of the width of a usual picture', () => {
    const width = Math.max(...drawn(512, 512).map((row) => row.length));
    expect(width).toBeGreaterThan(256);
    expect(width).toBeLessThan(400);
  });

  it('stands on a plate that darkens what is below, white on white too', () => {
    const { data } = stamped(filled({ width: 512, height: 512, channels: 3 }, 1));
    const values = new Set(data);
    expect([...values].toSorted((a, b) => a - b)).toEqual([Math.fround(0.2), 1]);
  });

  it.each([[1, 1], [8, 8], [3, 900], [900, 3]])('does not fail on %d x %d', (width, height) => {
    expect(stamped(filled({ width, height, channels: 3 }, 0.5)).data).toHaveLength(width * height * 3);
  });

  it('leaves the picture it was given alone', () => {
    const picture = filled({ width: 64, height: 64, channels: 3 }, 0.5);
    stamped(picture);
    expect(new Set(picture.data)).toEqual(new Set([0.5]));
  });
});
