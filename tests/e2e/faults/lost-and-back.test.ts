import { expect, test } from 'vitest';
import { startTestSandbox } from '../../support/engine.ts';
import { startTestGateway } from '../../support/gateway.ts';
import { solidColour } from '../../support/graphs.ts';
import { temporaryFolder } from '../../support/temporary-folder.ts';

test.each(['running', 'queued'] as const)('a prompt that was told to be lost and is %s on its server again can be stopped', async (state) => {
  await using folder = await temporaryFolder();
  await using engine = await startTestSandbox({ knobs: { hold: true } });
  await using other = await startTestSandbox();
  const before = await startTestGateway({ instances: [engine.url], folder: folder.path });
  if (state === 'queued') await before.submit(solidColour());
  const { prompt_id: id } = await before.submit(solidColour());
  await before.reaches(id, state);
  await before.close();
  const without = await startTestGateway({ instances: [other.url], folder: folder.path });
  expect(await without.ended(id)).toMatchObject({ state: 'failed', error: { code: 'PROMPT_LOST' } });
  expect(await without.interrupt(id)).toMatchObject([{ outcome: 'already_finished' }]);
  await without.close();
  await using after = await startTestGateway({ instances: [engine.url], folder: folder.path });
  expect(await after.interrupt(id)).toMatchObject([{ outcome: state === 'running' ? 'interrupted' : 'removed' }]);
  expect(await after.interrupt(id)).toMatchObject([{ outcome: 'already_finished' }]);
  engine.sandbox.knobs.reset();
});
