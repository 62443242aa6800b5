/** What the README says of RunningHub is what runs against its sandbox. */
import { readFile } from 'node:fs/promises';
import { expect, it } from 'vitest';
import { parse } from 'yaml';
import { z } from 'zod';
import { configFolder } from '../../support/config-folder.ts';
import { startTestGateway } from '../../support/gateway.ts';
import { startTestHub } from '../../support/runninghub-engine.ts';
import { TasksClient } from '../../support/tasks-client.ts';
import { temporaryFolder } from '../../support/temporary-folder.ts';

const readme = await readFile(new URL('../../../README.md', import.meta.url), 'utf8');
const section = readme.split(/^## /m).find((part) => part.startsWith('RunningHub\n')) ?? '';
const Written = z.object({ engines: z.unknown(), pipelines: z.unknown() });

it('the README has an engine, a pipeline, a key and a task that fit together', async () => {
  const yaml = /^```yaml\n([^]*?)^```/m.exec(section)?.[1] ?? '';
  const body = /-d '(\{[^']*\})'/.exec(section)?.[1] ?? '';
  const key = /RUNNINGHUB_API_KEY=(\S+)/.exec(section)?.[1] ?? '';
  await using hub = await startTestHub();
  await using folder = await temporaryFolder();
  const filled = yaml.replace('${RUNNINGHUB_API_KEY}', key).replace(/\$\{RUNNINGHUB_HOST:-[^}]*\}/, hub.hub.url);
  const env = { CONFIG_DIR: await configFolder(folder.path, Written.parse(parse(filled))) };
  await using gateway = await startTestGateway({ instances: ['http://127.0.0.1:1'], healthy: 0, folder: folder.path, env });
  const view = await new TasksClient(gateway).run(JSON.parse(body));
  expect(view).toMatchObject({ status: 'completed', task_type: 'HOSTED_POSE', outputs: [{ kind: 'image' }] });
}, 30_000);
