import { chmod, mkdir, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { expect, it } from 'vitest';
import { temporaryFolder } from '../../../tests/support/temporary-folder.ts';
import { readBoundedText } from './bounded-text.ts';

it('reads a text up to the limit, without its byte order mark', async () => {
  await using folder = await temporaryFolder();
  const path = join(folder.path, 'a.txt');
  await writeFile(path, '\ufeffé');
  expect(await readBoundedText(path, 5)).toBe('é');
  await expect(readBoundedText(path, 4)).rejects.toMatchObject({ code: 'FILE_OPERATION_ERROR', detail: 'it has 5 bytes; up to 4 are taken' });
});

it('has no text where there is no file', async () => {
  await using folder = await temporaryFolder();
  await writeFile(join(folder.path, 'file'), '');
  expect(await readBoundedText(join(folder.path, 'gone.txt'), 10)).toBeUndefined();
  expect(await readBoundedText(join(folder.path, 'file', 'below'), 10)).toBeUndefined();
});

it('says what is no text', async () => {
  await using folder = await temporaryFolder();
  const path = join(folder.path, 'bytes');
  await writeFile(path, Buffer.from([0xff, 0xfe, 0x00]));
  await expect(readBoundedText(path, 10)).rejects.toMatchObject({ detail: 'it is not UTF-8 text' });
  await mkdir(join(folder.path, 'folder'));
  await expect(readBoundedText(join(folder.path, 'folder'), 10)).rejects.toMatchObject({ detail: 'it is not a file' });
});

it.skipIf(process.getuid?.() === 0)('says what the system refuses, without the path', async () => {
  await using folder = await temporaryFolder();
  const path = join(folder.path, 'secret');
  await writeFile(path, 'x');
  await chmod(path, 0);
  await expect(readBoundedText(path, 10)).rejects.toMatchObject({ detail: 'it cannot be read (EACCES)' });
});
