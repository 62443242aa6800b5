import { createReadStream } from 'node:fs';
import { deflateSync, crc32 } from 'node:zlib';
import { Readable } from 'node:stream';
import sharp from 'sharp';
import { describe, expect, it, test } from 'vitest';
import { convertPicture, type PictureChange } from './picture.ts';

const nothing: PictureChange = { format: undefined, quality: undefined, width: undefined, height: undefined };
const never = new AbortController().signal;
const picture = (width = 40, height = 20) => sharp({ create: { width, height, channels: 3, background: '#804020' } });
const convert = (bytes: Buffer, change: Partial<PictureChange>, signal = never) => convertPicture(Readable.from([bytes]), { ...nothing, ...change }, signal);

/** A PNG of a few hundred bytes that unfolds to `side` × `side` pixels. */
function bomb(side: number): Buffer {
  const chunk = (type: string, data: Buffer): Buffer => {
    const body = Buffer.concat([Buffer.from(type), data]);
    const frame = Buffer.alloc(8);
    frame.writeUInt32BE(data.length, 0);
    frame.writeUInt32BE(crc32(body), 4);
    return Buffer.concat([frame.subarray(0, 4), body, frame.subarray(4)]);
  };
  const header = Buffer.alloc(13);
  header.writeUInt32BE(side, 0);
  header.writeUInt32BE(side, 4);
  header.set([1, 0, 0, 0, 0], 8);
  return Buffer.concat([Buffer.from('89504e470d0a1a0a', 'hex'), chunk('IHDR', header), chunk('IDAT', deflateSync(Buffer.alloc(1_000))), chunk('IEND', Buffer.alloc(0))]);
}

describe('a picture on its way out', () => {
  it.each(['webp', 'jpeg', 'png', 'avif'] as const)('becomes %s, with the content type that says so', async (format) => {
    const made = await convert(await picture().png().toBuffer(), { format, quality: 60 });
    expect(made.contentType).toBe(`image/${format}`);
    const { width, height } = await sharp(made.bytes).metadata();
    expect([width, height]).toEqual([40, 20]);
  });

  it.each([
    [{ width: 10 }, [10, 5]],
    [{ height: 10 }, [20, 10]],
    [{ width: 10, height: 10 }, [10, 5]],
    [{ width: 400 }, [40, 20]],
  ] as const)('fits into %o without a change of shape, and is never enlarged', async (change, size) => {
    const made = await convert(await picture().png().toBuffer(), change);
    const { width, height } = await sharp(made.bytes).metadata();
    expect([width, height]).toEqual(size);
    expect(made.contentType).toBe('image/png');
  });

  it('stands upright as its EXIF says', async () => {
    const made = await convert(await picture().jpeg().withMetadata({ orientation: 6 }).toBuffer(), { format: 'png' });
    const { width, height } = await sharp(made.bytes).metadata();
    expect([width, height]).toEqual([20, 40]);
  });

  it('is refused when a small file unfolds to too many pixels', async () => {
    await expect(convert(bomb(50_000), { format: 'webp' })).rejects.toMatchObject({ code: 'PAYLOAD_TOO_LARGE', status: 413 });
  });

  it.each([
    ['text', Buffer.from('this is no picture')],
    ['nothing', Buffer.alloc(0)],
    ['a cut picture', Buffer.from('89504e470d0a1a0a', 'hex')],
  ])('is refused when it is %s', async (_, bytes) => {
    await expect(convert(bytes, { format: 'webp' })).rejects.toMatchObject({ code: 'UNSUPPORTED_MEDIA_TYPE' });
  });

  it('fails with its source, and does not wait for the rest', async () => {
    const bytes = await picture(400, 400).png().toBuffer();
    const source = Readable.from((async function* () {
      yield bytes.subarray(0, 100);
      throw new TypeError('the disk is gone');
    })());
    await expect(convertPicture(source, { ...nothing, format: 'webp' }, never)).rejects.toThrow('the disk is gone');
  });

  it('fails with a source that was lost before its turn', async () => {
    await expect(convertPicture(createReadStream('/dev/null/none.png'), { ...nothing, format: 'webp' }, never)).rejects.toThrow(/ENOTDIR/);
  });

  it('is given up when the caller is gone, and its source is let go', async () => {
    const caller = new AbortController();
    const source = new Readable({ read() {} });
    source.push((await picture(400, 400).png().toBuffer()).subarray(0, 100));
    const made = convertPicture(source, { ...nothing, format: 'webp' }, caller.signal);
    setTimeout(() => caller.abort(), 20);
    await expect(made).rejects.toMatchObject({ name: 'AbortError' });
    expect(source.destroyed).toBe(true);
  });

  it('is not taken in when the file is far larger than pictures are', async () => {
    let given = 0;
    const source = Readable.from((async function* () {
      for (;;) yield Buffer.alloc((given += 1, 1024 * 1024));
    })());
    await expect(convertPicture(source, { ...nothing, format: 'webp' }, never)).rejects.toMatchObject({ code: 'PAYLOAD_TOO_LARGE' });
    expect(given).toBeLessThan(160);
  });

  it('is not begun for a caller who is gone already', async () => {
    const source = Readable.from([Buffer.from('x')]);
    await expect(convertPicture(source, { ...nothing, format: 'webp' }, AbortSignal.abort())).rejects.toMatchObject({ name: 'AbortError' });
    expect(source.destroyed).toBe(true);
  });
});

describe('a picture with details', () => {
  const detailed = (width: number, height: number) => sharp(Buffer.from(Array.from({ length: width * height * 3 }, (_, n) => (n * 7919) % 256)), { raw: { width, height, channels: 3 } });

  test.each(['png', 'jpeg', 'webp', 'gif', 'tiff', 'avif'] as const)('that is %s keeps its format when only its size is asked for', async (format) => {
    const made = await convert(await detailed(32, 16).toFormat(format).toBuffer(), { width: 16 });
    expect([made.contentType, (await sharp(made.bytes).metadata()).height]).toEqual([`image/${format}`, 8]);
  });

  test.each([['jpeg', undefined], ['webp', undefined], ['avif', undefined], [undefined, 'jpeg'], [undefined, 'webp'], [undefined, 'avif']] as const)('is smaller with less quality (to %s, from %s)', async (format, from) => {
    const source = await detailed(128, 128).toFormat(from ?? 'png', { quality: 100 }).toBuffer();
    const [low, high] = await Promise.all([10, 95].map((quality) => convert(source, { format, quality })));
    expect(low?.bytes.length).toBeLessThan((high?.bytes.length ?? 0) * 0.7);
    expect(low?.contentType).toBe(`image/${format ?? from ?? ''}`);
  });

  it('loses its hidden data, but not its transparency', async () => {
    const source = await sharp({ create: { width: 4, height: 4, channels: 4, background: { r: 1, g: 2, b: 3, alpha: 0.5 } } }).png().withExif({ IFD0: { Copyright: 'secret prompt' } }).toBuffer();
    const { bytes } = await convert(source, { format: 'webp' });
    expect((await sharp(bytes).metadata()).hasAlpha).toBe(true);
    expect(bytes.includes('secret prompt')).toBe(false);
  });

  test.each([
    ['half a PNG', async () => (await detailed(64, 64).png().toBuffer()).subarray(0, 300)],
    ['half a JPEG', async () => (await detailed(64, 64).jpeg().toBuffer()).subarray(0, 300)],
    ['a broken WebP', async () => (await detailed(64, 64).webp({ lossless: true }).toBuffer()).fill(0xff, 30)],
    ['wider than the format can say', async () => sharp({ create: { width: 17_000, height: 2, channels: 3, background: 'red' } }).png().toBuffer()],
  ])('is refused when it is %s', async (_, bytes) => {
    await expect(convert(await bytes(), { format: 'webp' })).rejects.toMatchObject({ code: 'UNSUPPORTED_MEDIA_TYPE' });
  });

  it('of 20,000 x 20,000 pixels in a small file is refused', async () => {
    const flat = await sharp({ create: { width: 20_000, height: 20_000, channels: 3, background: 'red' }, limitInputPixels: false }).png({ compressionLevel: 9 }).toBuffer();
    expect(flat.length).toBeLessThan(4_000_000);
    await expect(convert(flat, { width: 10 })).rejects.toMatchObject({ code: 'PAYLOAD_TOO_LARGE' });
  });
});
