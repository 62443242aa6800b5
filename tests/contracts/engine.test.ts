/** The ComfyUI engine, assembled as in a gateway, with the sandbox behind it. */
import { Writable } from 'node:stream';
import { describe } from 'vitest';
import { newId } from '../../src/atoms/ids/ids.ts';
import { loadConfig } from '../../src/core/config.ts';
import { createLogging } from '../../src/core/logger.ts';
import { assemble, findInstances, openMemory, readWritten, tokens } from '../../src/entry/container.ts';
import { startTestSandbox } from '../support/engine.ts';
import { settingsBelow } from '../support/gateway.ts';
import { type Graph, longWork, solidColour, textToImage } from '../support/graphs.ts';
import { temporaryFolder } from '../support/temporary-folder.ts';
import { until } from '../support/until.ts';
import { engineContract, type EngineStand } from './engine.ts';

const caller = { key: 'ann', admin: true };
const graphs: Readonly<Record<Parameters<EngineStand['job']>[0], () => Graph>> = {
  quick: solidColour,
  long: longWork,
  failing: () => ({ ...solidColour(), '2': { class_type: 'SaveImage', inputs: { images: ['1', 0], filename_prefix: '../../outside' } } }),
  invalid: () => ({ ...textToImage(), '3': { class_type: 'NoSuchNode', inputs: {} } }),
};

async function comfyui(): Promise<EngineStand> {
  const folder = await temporaryFolder();
  const outsider = await startTestSandbox();
  const config = loadConfig({ ...settingsBelow(folder.path), COMFYUI_URLS: outsider.url, COMFYUI_REQUEST_TIMEOUT: '5' });
  const logging = createLogging({ ...config, output: new Writable({ write: (_chunk, _encoding, done) => done() }) });
  const stop = new AbortController();
  const records = await openMemory(stop.signal);
  const container = assemble({ config, logging, records, written: await readWritten(config, logging) });
  await findInstances(container, stop.signal);
  const following = container.resolve(tokens.live).run(stop.signal);
  const pool = container.resolve(tokens.pool);
  await until('the sandbox is connected', () => pool.healthy().length === 1);
  const engine = container.resolve(tokens.tasks).engines.get('comfyui');
  if (!engine) throw new TypeError('there is no engine');
  const { sandbox } = outsider;
  return {
    engine,
    strangers: false,
    bills: false,
    job: (kind) => ({ id: newId(), taskId: newId(), caller, clientId: 'page', workflow: graphs[kind](), extraData: undefined, avoid: [] }),
    executions: (id) => sandbox.counters.snapshot.executions[id] ?? 0,
    stopElsewhere: async (id) => void (await fetch(`${outsider.url}/interrupt`, { method: 'POST', body: JSON.stringify({ prompt_id: id }) })),
    restart: async () => void (await sandbox.restart()),
    loseNextAnswer: () => sandbox.knobs.set({ failPromptAfter: 1 }),
    leave: async () => {
      await sandbox.close();
      await until('the gateway has noticed', () => pool.healthy().length === 0);
    },
    async [Symbol.asyncDispose]() {
      stop.abort();
      await following;
      container.resolve(tokens.tasks).close();
      container.resolve(tokens.http).close();
      container.resolve(tokens.stream).close();
      await records.destroy();
      await logging.close();
      await outsider[Symbol.asyncDispose]();
      await folder[Symbol.asyncDispose]();
    },
  };
}

describe('the ComfyUI engine', () => {
  engineContract(comfyui);
});
