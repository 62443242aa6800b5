/** The real gateway in this process: its own folders, a free port, and a client for its doors. */
import { join } from 'node:path';
import { Writable } from 'node:stream';
import { loadConfig } from '../../src/core/config.ts';
import { createLogging } from '../../src/core/logger.ts';
import type { ShutdownStep } from '../../src/core/shutdown.ts';
import { startGateway } from '../../src/entry/gateway.ts';
import { GatewayClient } from './gateway-client.ts';
import { temporaryFolder } from './temporary-folder.ts';
import { until } from './until.ts';

export interface TestGatewayOptions {
  /** Addresses of instances. */
  readonly instances: readonly string[];
  readonly env?: Readonly<Record<string, string>>;
  /** Folder to keep across restarts; default is a new one that goes with the gateway. */
  readonly folder?: string;
  /** How many instances must be connected before it counts as started; default all. */
  readonly healthy?: number;
}

/** Everything a gateway keeps lies below `folder`. */
export function settingsBelow(folder: string): Record<string, string> {
  return {
    HOST: '127.0.0.1', PORT: '0', RATE_LIMIT_PER_MINUTE: '0', LOG_LEVEL: 'debug',
    DATA_DIR: join(folder, 'data'), LOG_DIR: join(folder, 'logs'), INPUT_DIR: join(folder, 'input'), OUTPUT_DIR: join(folder, 'output'),
  };
}

export class TestGateway extends GatewayClient implements AsyncDisposable {
  readonly #end: () => Promise<void>;
  #ended: Promise<void> | undefined;

  constructor(url: string, end: () => Promise<void>) {
    super(url);
    this.#end = end;
  }

  /** Ends it as SIGTERM does: the steps in reverse order. */
  close(): Promise<void> {
    return (this.#ended ??= this.#end());
  }

  [Symbol.asyncDispose](): Promise<void> {
    return this.close();
  }
}

/** Resolves when the gateway listens and its instances are connected. */
export async function startTestGateway({ instances, env = {}, folder, healthy = instances.length }: TestGatewayOptions): Promise<TestGateway> {
  const own = folder === undefined ? await temporaryFolder() : undefined;
  const config = loadConfig({ ...settingsBelow(folder ?? own?.path ?? ''), COMFYUI_URLS: instances.join(','), ...env });
  const quiet = new Writable({ write: (_chunk, _encoding, done) => done() });
  const logging = createLogging({ ...config, output: quiet });
  const steps: ShutdownStep[] = [];
  const begun = new AbortController();
  const { url = '' } = await startGateway({ config, logging, version: 'test', shutdown: { add: (_name, step) => void steps.push(step), begun: begun.signal } });
  const end = async (): Promise<void> => {
    begun.abort();
    const grace = AbortSignal.timeout(5_000);
    for (const step of steps.toReversed()) await step(grace);
    await logging.close();
    await own?.[Symbol.asyncDispose]();
  };
  const gateway = new TestGateway(url, end);
  await until('the instances are connected', async () => (await gateway.healthy()) >= healthy);
  return gateway;
}
