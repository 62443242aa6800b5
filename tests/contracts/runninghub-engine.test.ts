/** The RunningHub engine, assembled as in a gateway, with its sandbox behind it. */
import { Writable } from 'node:stream';
import { describe } from 'vitest';
import { HttpText } from '../../src/atoms/http/http.ts';
import { HttpStream } from '../../src/atoms/http-stream/http-stream.ts';
import { newId } from '../../src/atoms/ids/ids.ts';
import { loadConfig } from '../../src/core/config.ts';
import { createLogging } from '../../src/core/logger.ts';
import { runninghubEngine } from '../../src/entry/container/runninghub.ts';
import { RunninghubEngineEntry } from '../../src/models/engine-config.ts';
import { settingsBelow } from '../support/gateway.ts';
import { poseEngine, startTestHub } from '../support/runninghub-engine.ts';
import { temporaryFolder } from '../support/temporary-folder.ts';
import { until } from '../support/until.ts';
import { engineContract, type EngineStand } from './engine.ts';

const caller = { key: 'ann', admin: true };
const create = 'POST /task/openapi/create';

async function runninghub(): Promise<EngineStand> {
  const folder = await temporaryFolder();
  const { hub, created } = await startTestHub({ knobs: { cancelledStatus: 'CANCELLED', checkFiles: false } });
  const logging = createLogging({ ...loadConfig(settingsBelow(folder.path)), output: new Writable({ write: (_chunk, _encoding, done) => done() }) });
  const parts = { http: new HttpText(), stream: new HttpStream(), logging, publicUrl: '', callMs: 10_000 };
  const { engine, close } = runninghubEngine('hub', RunninghubEngineEntry.parse(poseEngine(hub)), parts);
  let left = false;
  const leave = async (): Promise<void> => {
    if (left) return;
    left = true;
    await hub.close();
  };
  return {
    engine,
    strangers: 'unknown',
    bills: true,
    job: (kind) => {
      hub.knobs.set({ runMs: kind === 'long' ? 5_000 : 50, outcome: kind === 'failing' ? 'failed' : 'picture', ...(kind === 'invalid' ? { next: { [create]: [{ code: 433 }] } } : {}) });
      return { id: newId(), taskId: newId(), caller, clientId: 'page', workflow: {}, extraData: undefined, avoid: [], values: [{ name: 'seed', targets: [{ node: '3', input: 'seed' }], value: { plain: 5 } }] };
    },
    executions: () => created(),
    stopElsewhere: async (id) => hub.deeds.move(id, 'CANCELLED'),
    restart: async (id) => hub.deeds.forgetTask(id),
    loseNextAnswer: () => hub.knobs.set({ next: { [create]: [{ fault: 'cut', after: true }] } }),
    leave: async () => {
      await leave();
      await until('the engine has noticed', async () => (await engine.health()).healthy === false);
    },
    async [Symbol.asyncDispose]() {
      close();
      parts.http.close();
      parts.stream.close();
      await logging.close();
      await leave();
      await folder[Symbol.asyncDispose]();
    },
  };
}

describe('the RunningHub engine', () => {
  engineContract(runninghub);
});
