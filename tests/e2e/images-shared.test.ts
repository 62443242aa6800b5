import { mkdir, readdir, utimes, writeFile } from 'node:fs/promises';
import { connect } from 'node:net';
import { join } from 'node:path';
import { text } from 'node:stream/consumers';
import { expect, test } from 'vitest';
import { startEngine } from '../support/engine.ts';
import { download } from '../support/files-client.ts';
import { GatewayProcess } from '../support/gateway-process.ts';
import { noisyPng } from '../support/picture.ts';
import { temporaryFolder } from '../support/temporary-folder.ts';
import { until } from '../support/until.ts';

test('a gateway that starts on the folders of another takes away what was given up there, and nothing that still arrives', async () => {
  await using folder = await temporaryFolder();
  await using engine = await startEngine();
  const shared = { INPUT_DIR: join(folder.path, 'input'), OUTPUT_DIR: join(folder.path, 'output') };
  await using first = await GatewayProcess.start({ instances: [engine.url], folder: join(folder.path, 'one'), env: shared });
  const content = await noisyPng(500);
  const form = Buffer.concat([Buffer.from('--X\r\nContent-Disposition: form-data; name="file"; filename="slow.png"\r\n\r\n'), content, Buffer.from('\r\n--X--\r\n')]);
  const socket = connect(Number(new URL(first.url).port), '127.0.0.1');
  socket.write(`POST /api/v1/images/upload HTTP/1.1\r\nHost: 127.0.0.1\r\nConnection: close\r\nContent-Type: multipart/form-data; boundary=X\r\nContent-Length: ${form.length}\r\n\r\n`);
  socket.write(form.subarray(0, 400_000));
  const [arriving = ''] = await until('it arrives', async () => { const names = await readdir(shared.INPUT_DIR).catch(() => []); return names.length > 0 && names; });
  const abandoned = ['.0a0a0a0a-1111-2222-3333-444444444444.part', '.0b0b0b0b-1111-2222-3333-444444444444.part'] as const;
  await mkdir(shared.OUTPUT_DIR, { recursive: true });
  for (const path of [join(shared.INPUT_DIR, abandoned[0]), join(shared.OUTPUT_DIR, abandoned[1])]) {
    await writeFile(path, 'half');
    await utimes(path, 1, 1);
  }
  await using second = await GatewayProcess.start({ instances: [engine.url], folder: join(folder.path, 'two'), env: shared });
  await until('it cleaned up', async () => (await readdir(shared.OUTPUT_DIR)).length === 0);
  expect(await readdir(shared.INPUT_DIR)).toEqual([arriving]);
  socket.write(form.subarray(400_000));
  expect(await text(socket)).toMatch(/^HTTP\/1\.1 200 /);
  expect((await download(first, { filename: 'slow.png', type: 'input' })).bytes.equals(content)).toBe(true);
  expect((await download(second, { filename: 'slow.png', type: 'input' })).status).toBe(404);
});
