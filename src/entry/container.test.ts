import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, describe, expect, it } from 'vitest';
import { loadConfig } from '../core/config.ts';
import { createLogging } from '../core/logger.ts';
import { assemble, openDatabase, tokens } from './container.ts';

const folder = await mkdtemp(join(tmpdir(), 'comfyui-gateway-container-'));
const config = loadConfig({ DATA_DIR: join(folder, 'data'), LOG_DIR: join(folder, 'logs'), INPUT_DIR: join(folder, 'input'), OUTPUT_DIR: join(folder, 'output') });
const logging = createLogging(config);
const records = await openDatabase(config, new AbortController().signal);

afterAll(async () => {
  await records.destroy();
  await logging.close();
  await rm(folder, { recursive: true });
});

describe('the assembly', () => {
  const container = assemble({ config, logging, records });

  it.each(Object.entries(tokens))('makes one %s for the whole gateway', (_name, token) => {
    const first: unknown = container.resolve<unknown>(token);
    expect(first).toBeDefined();
    expect(container.resolve<unknown>(token)).toBe(first);
  });

  it('keeps two gateways of one process apart', () => {
    const other = assemble({ config, logging, records });
    expect(other.resolve(tokens.tracker)).not.toBe(container.resolve(tokens.tracker));
    expect(other.resolve(tokens.clientId)).not.toBe(container.resolve(tokens.clientId));
  });
});
