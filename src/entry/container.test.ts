import { mkdtemp, rm, stat, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, describe, expect, it } from 'vitest';
import { ConfigError, loadConfig } from '../core/config.ts';
import { createLogging } from '../core/logger.ts';
import { assemble, checkFolders, openDatabase, readWritten, tokens } from './container.ts';

const folder = await mkdtemp(join(tmpdir(), 'comfyui-gateway-container-'));
const config = loadConfig({ DATA_DIR: join(folder, 'data'), LOG_DIR: join(folder, 'logs'), INPUT_DIR: join(folder, 'input'), OUTPUT_DIR: join(folder, 'output') });
const logging = createLogging(config);
const records = await openDatabase(config, new AbortController().signal);
const written = await readWritten(config, logging);

afterAll(async () => {
  await records.destroy();
  await logging.close();
  await rm(folder, { recursive: true });
});

describe('folders', () => {
  it('are made where they are missing', async () => {
    await checkFolders(config);
    expect((await stat(config.INPUT_DIR)).isDirectory()).toBe(true);
  });

  it('that are none stop the start, each with its setting, and with nothing tried for ever', async () => {
    const file = join(folder, 'file');
    await writeFile(file, 'x');
    const bad = loadConfig({ DATA_DIR: file, INPUT_DIR: join(file, 'deep', 'er'), OUTPUT_DIR: process.platform === 'linux' ? '/proc/comfyui-gateway' : file, LOG_DIR: join(folder, 'logs') });
    const refusal = await checkFolders(bad).catch((error: unknown) => error);
    expect(refusal instanceof ConfigError && refusal.lines.map((line) => line.split(' ')[0])).toEqual(['DATA_DIR', 'INPUT_DIR', 'OUTPUT_DIR']);
    expect(String(refusal)).toContain(`"${file}"`);
  });

  it('of outputs are not looked at where nothing is mirrored', async () => {
    await expect(checkFolders({ ...config, MIRROR_OUTPUTS: false, OUTPUT_DIR: '/dev/null/x' })).resolves.toBeUndefined();
  });
});

describe('the assembly', () => {
  const container = assemble({ config, logging, records, written });

  it.each(Object.entries(tokens))('makes one %s for the whole gateway', (_name, token) => {
    const first: unknown = container.resolve<unknown>(token);
    expect(first).toBeDefined();
    expect(container.resolve<unknown>(token)).toBe(first);
  });

  it('keeps two gateways of one process apart', () => {
    const other = assemble({ config, logging, records, written });
    expect(other.resolve(tokens.tracker)).not.toBe(container.resolve(tokens.tracker));
    expect(other.resolve(tokens.clientId)).not.toBe(container.resolve(tokens.clientId));
  });
});
