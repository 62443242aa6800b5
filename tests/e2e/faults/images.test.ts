import { mkdir, rm } from 'node:fs/promises';
import { join } from 'node:path';
import { describe, expect, test } from 'vitest';
import { startSandbox } from '../../../sandbox/comfyui/server.ts';
import { startTestSandbox } from '../../support/engine.ts';
import { handOver, loaded } from '../../support/files-client.ts';
import { startTestGateway } from '../../support/gateway.ts';
import { png } from '../../support/picture.ts';
import { temporaryFolder } from '../../support/temporary-folder.ts';

describe('instances', () => {
  test('that were down when a file came get it with the first workflow that needs it', async () => {
    await using first = await startTestSandbox();
    const folder = await temporaryFolder();
    const down = await startSandbox({ dataDir: folder.path });
    const { url } = down;
    await down.close();
    await using both = await startTestGateway({ instances: [first.url, url], healthy: 1 });
    const { name } = await handOver(both, await png(), { name: 'late.png' });
    expect(first.sandbox.counters.snapshot.requests['POST /upload/image']).toBe(1);
    const up = await startSandbox({ dataDir: folder.path, port: Number(new URL(url).port) });
    try {
      first.sandbox.knobs.set({ hold: true });
      const { prompt_id: busy } = await both.submit(loaded('late.png'));
      await both.reaches(busy, 'running');
      await expect.poll(() => both.healthy(), { timeout: 15_000 }).toBe(2);
      const { prompt_id: id } = await both.submit(loaded(name));
      expect(await both.ended(id)).toMatchObject({ state: 'completed', instance: new URL(url).host });
      expect(up.counters.snapshot.requests['POST /upload/image']).toBe(1);
      first.sandbox.knobs.reset();
      await both.ended(busy);
    } finally {
      await up.close();
      await folder[Symbol.asyncDispose]();
    }
  });

  test('whose input folder was emptied get the file again', async () => {
    const folder = await temporaryFolder();
    const sandbox = await startSandbox({ dataDir: folder.path });
    try {
      await using one = await startTestGateway({ instances: [sandbox.url] });
      await handOver(one, await png(), { name: 'gone.png' });
      await rm(join(folder.path, 'input'), { recursive: true });
      await mkdir(join(folder.path, 'input'));
      const { prompt_id: id } = await one.submit(loaded('gone.png'));
      expect((await one.ended(id)).state).toBe('completed');
      expect(sandbox.counters.snapshot.requests['POST /upload/image']).toBe(2);
    } finally {
      await sandbox.close();
      await folder[Symbol.asyncDispose]();
    }
  });

  test('that hang do not keep an upload: they get the file with the first workflow that needs it', async () => {
    await using engine = await startTestSandbox({ knobs: { hang: { 'POST /upload/image': 1 } } });
    await using one = await startTestGateway({ instances: [engine.url] });
    const began = performance.now();
    await handOver(one, await png(), { name: 'waits.png' });
    expect(performance.now() - began).toBeLessThan(15_000);
    const { prompt_id: id } = await one.submit(loaded('waits.png'));
    expect((await one.ended(id)).state).toBe('completed');
  });
});
