/** A disk that takes no more: here a limit on the size of a file, which the system refuses with an error of its own as it does a full disk. */
import { readdir } from 'node:fs/promises';
import { Agent, request } from 'node:http';
import { join } from 'node:path';
import { describe, expect, test } from 'vitest';
import { startEngine } from '../support/engine.ts';
import { download, handOver, handOverRefused } from '../support/files-client.ts';
import { GatewayProcess } from '../support/gateway-process.ts';
import { fresh, type Graph } from '../support/graphs.ts';
import { containing } from '../support/matchers.ts';
import { noisyPng, png } from '../support/picture.ts';
import { temporaryFolder } from '../support/temporary-folder.ts';

/** 4 or 8 MB, as the shell counts. */
const limited = ['sh', '-c', "trap '' XFSZ; ulimit -f 8192; exec node src/entry/main.ts"] as const;
const files = async (folder: string): Promise<string[]> => (await readdir(folder, { recursive: true, withFileTypes: true }).catch(() => [])).filter((entry) => entry.isFile()).map((entry) => entry.name);

describe.skipIf(process.platform === 'win32')('a disk that takes no more in the middle of a file', () => {
  test('refuses an upload with what the system says, keeps nothing of it, and the connection serves the next call', async () => {
    await using folder = await temporaryFolder();
    await using engine = await startEngine();
    await using gateway = await GatewayProcess.start({ instances: [engine.url], folder: folder.path, command: limited });
    const refused = await handOverRefused(gateway, await noisyPng(2_000), { name: 'large.png' });
    expect(refused).toMatchObject({ status: 500, code: 'FILE_OPERATION_ERROR', detail: containing('EFBIG') });
    expect(JSON.stringify(refused)).not.toContain(folder.path);
    expect(await files(join(folder.path, 'input'))).toEqual([]);
    const agent = new Agent({ keepAlive: true, maxSockets: 1 });
    const large = Buffer.concat([Buffer.from('--X\r\nContent-Disposition: form-data; name="file"; filename="a.png"\r\n\r\n'), await png(), Buffer.alloc(30_000_000), Buffer.from('\r\n--X--\r\n')]);
    expect([await answered(gateway.url, { agent, body: large }), await answered(gateway.url, { agent })]).toEqual([500, 200]);
    agent.destroy();
    await handOver(gateway, await png(), { name: 'small.png' });
    expect(await files(join(folder.path, 'input'))).toHaveLength(1);
  });

  test('costs a copy and no download: whoever fetches the file gets the rest from its instance', async () => {
    await using folder = await temporaryFolder();
    await using engine = await startEngine();
    await using gateway = await GatewayProcess.start({ instances: [engine.url], folder: folder.path, command: limited });
    const { prompt_id: id } = await gateway.submit(noisy(2_400));
    expect((await gateway.ended(id)).state).toBe('completed');
    const [file] = await gateway.images(id);
    const first = await Promise.all([1, 2, 3].map(() => download(gateway, file?.url ?? '')));
    const later = await download(gateway, file?.url ?? '');
    expect(later.bytes.length).toBeGreaterThan(10_000_000);
    for (const one of first) expect([one.status, one.bytes.equals(later.bytes)]).toEqual([200, true]);
    expect(await files(join(folder.path, 'output'))).toEqual([]);
  });
});

/** A picture that does not compress: 3 bytes for each pixel. */
const noisy = (size: number): Graph => ({
  '1': { class_type: 'EmptyImage', inputs: { width: size, height: size, batch_size: 1, color: 8_421_504 } },
  '2': { class_type: 'ImageAddNoise', inputs: { image: ['1', 0], seed: fresh(), strength: 1 } },
  '3': { class_type: 'SaveImage', inputs: { images: ['2', 0], filename_prefix: 'gateway-test/noisy' } },
});

/** The status of an upload, or of a look at the health, over that agent. */
function answered(url: string, { agent, body }: { agent: Agent; body?: Buffer }): Promise<number | undefined> {
  return new Promise((resolve, reject) => {
    const call = request(`${url}${body ? '/api/v1/images/upload' : '/healthz'}`, { agent, method: body ? 'POST' : 'GET', headers: body ? { 'content-type': 'multipart/form-data; boundary=X', 'content-length': body.length } : {} }, (response) => response.resume().once('end', () => resolve(response.statusCode)));
    call.once('error', reject).end(body);
  });
}
