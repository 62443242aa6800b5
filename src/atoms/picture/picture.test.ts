import { readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { deflateSync, crc32 } from 'node:zlib';
import sharp from 'sharp';
import { afterAll, beforeAll, describe, expect, it, test } from 'vitest';
import { containing } from '../../../tests/support/matchers.ts';
import { type TemporaryFolder, temporaryFolder } from '../../../tests/support/temporary-folder.ts';
import { convertPicture, type PictureChange } from './picture.ts';

const nothing: PictureChange = { format: undefined, quality: undefined, width: undefined, height: undefined };
const picture = (width = 40, height = 20) => sharp({ create: { width, height, channels: 3, background: '#804020' } });

let folder: TemporaryFolder;
let count = 0;
beforeAll(async () => {
  folder = await temporaryFolder();
});
afterAll(() => folder[Symbol.asyncDispose]());

async function convert(bytes: Buffer, change: Partial<PictureChange>): Promise<{ bytes: Buffer; contentType: string }> {
  const [from, to] = [join(folder.path, `from-${(count += 1)}`), join(folder.path, `to-${count}.part`)];
  await writeFile(from, bytes);
  const { size, contentType } = await convertPicture(from, to, { ...nothing, ...change });
  const made = await readFile(to);
  expect(size).toBe(made.length);
  return { bytes: made, contentType };
}

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

  it('that went away before its turn is not there', async () => {
    await expect(convertPicture(join(folder.path, 'none.png'), join(folder.path, '.to.part'), { ...nothing, format: 'webp' })).rejects.toMatchObject({ code: 'IMAGE_NOT_FOUND' });
  });

  it('that the disk has no place for is a clear error without a path', async () => {
    await writeFile(join(folder.path, 'from'), await picture().png().toBuffer());
    const places = process.platform === 'linux' ? ['/dev/full', join(folder.path, 'no', 'folder')] : [join(folder.path, 'no', 'folder')];
    for (const format of ['png', 'jpeg', 'webp', 'avif'] as const) {
      for (const place of places) {
        const refused = await convertPicture(join(folder.path, 'from'), place, { ...nothing, format }).catch((error: unknown) => error);
        expect(refused, `${format} to ${place}`).toMatchObject({ code: 'FILE_OPERATION_ERROR', status: 500 });
        expect(String(refused)).not.toContain(place);
      }
    }
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

  it('of 51 million pixels in a small file is refused, whatever is to be made of it', async () => {
    const flat = await sharp({ create: { width: 10_200, height: 5_000, channels: 3, background: 'red' } }).png({ compressionLevel: 9 }).toBuffer();
    expect(flat.length).toBeLessThan(1_000_000);
    for (const change of [{ width: 10 }, { format: 'webp' }, { format: 'avif', width: 100 }] as const) await expect(convert(flat, change)).rejects.toMatchObject({ code: 'PAYLOAD_TOO_LARGE', message: containing('50000000 pixels') });
  });

  it('is refused where the result would have too many pixels for its format, and made where it is smaller', async () => {
    const tall = await sharp({ create: { width: 4_100, height: 8_200, channels: 3, background: 'red' } }).jpeg().withMetadata({ orientation: 6 }).toBuffer();
    await expect(convert(tall, { format: 'avif' })).rejects.toMatchObject({ code: 'PAYLOAD_TOO_LARGE', message: containing('8200 x 4100 is too large for avif') });
    await expect(convert(tall, { format: 'webp' })).rejects.toMatchObject({ code: 'PAYLOAD_TOO_LARGE', message: containing('too large for webp') });
    await expect(convert(tall, { format: 'avif', width: 8_190, height: 4_099 })).rejects.toMatchObject({ code: 'PAYLOAD_TOO_LARGE' });
    expect(await sharp((await convert(tall, { format: 'avif', width: 410 })).bytes).metadata()).toMatchObject({ width: 410, height: 205 });
    expect((await convert(tall, { format: 'jpeg' })).contentType).toBe('image/jpeg');
  });

});
