/** More tasks than the account has slots for: all of them are run, and nobody sees a refusal. */
import { expect, test } from 'vitest';
import { configFolder } from '../../support/config-folder.ts';
import { handOver } from '../../support/files-client.ts';
import { startTestGateway } from '../../support/gateway.ts';
import { png } from '../../support/picture.ts';
import { poseEngine, startTestHub } from '../../support/runninghub-engine.ts';
import { TasksClient } from '../../support/tasks-client.ts';
import { temporaryFolder } from '../../support/temporary-folder.ts';

test('fifty tasks on three slots are each run once, without a refusal that anybody sees', async () => {
  await using folder = await temporaryFolder();
  await using hub = await startTestHub({ knobs: { limits: { shared: 3 } } });
  const env = { CONFIG_DIR: await configFolder(folder.path, { engines: { hub: poseEngine(hub.hub) }, pipelines: { pose: { steps: { only: { engine: 'hub' } } } } }) };
  await using gateway = await startTestGateway({ instances: ['http://127.0.0.1:1'], healthy: 0, folder: folder.path, env });
  const tasks = new TasksClient(gateway);
  const image = (await handOver(gateway, await png())).name;
  const ids: string[] = [];
  for (let seed = 0; seed < 50; seed += 1) ids.push((await tasks.create({ task_type: 'POSE', source_image: image, reference_image: image, seed })).task_id);
  for (const id of ids) {
    const view = await tasks.ended(id, 60_000);
    expect(view).toMatchObject({ status: 'completed', attempt: 1, attempts: [{ outcome: 'completed' }] });
  }
  expect(hub.created()).toBe(50);
  expect(hub.hub.counters.snapshot.submissions.filter(({ tasks: made }) => made > 1)).toEqual([]);
}, 90_000);
