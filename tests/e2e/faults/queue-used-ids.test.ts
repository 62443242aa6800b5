import { expect, test } from 'vitest';
import { startTestSandbox } from '../../support/engine.ts';
import { startTestGateway } from '../../support/gateway.ts';
import { problem } from '../../support/gateway-client.ts';
import { solidColour } from '../../support/graphs.ts';

const [alice, bob, root] = ['alice-secret', 'bob-secret-key', 'root-secret-key'];

test('a prompt_id in use is refused in the same words, whoever uses it and whatever became of it', async () => {
  await using engine = await startTestSandbox({ knobs: { hold: true } });
  await using gateway = await startTestGateway({ instances: [engine.url], env: { API_KEYS: `alice:${alice},bob:${bob},root:${root}:admin` } });
  await gateway.submit(solidColour(), { prompt_id: 'runs', key: alice });
  await gateway.reaches('runs', 'running', alice);
  await gateway.submit(solidColour(), { prompt_id: 'waits', key: alice });
  await gateway.submit(solidColour(), { prompt_id: 'stopped', key: alice });
  await gateway.interrupt('stopped', alice);
  await gateway.reaches('stopped', 'interrupted', alice);
  await fetch(`${engine.url}/prompt`, { method: 'POST', body: JSON.stringify({ prompt: solidColour(), prompt_id: 'foreign' }) });
  const answers = new Set<string>();
  for (const id of ['runs', 'waits', 'stopped', 'foreign']) {
    for (const key of [alice, bob, root]) {
      const answer = await gateway.post('/api/v1/workflows/submit', { workflow: solidColour(), prompt_id: id }, key);
      const { request_id: _, ...told } = problem(answer);
      answers.add(JSON.stringify([answer.status, told]).replaceAll(id, 'ID'));
    }
  }
  const detail = 'This conflicts with what is there: prompt_id "ID" is in use; leave it out and the gateway chooses one.';
  expect([...answers].map((text) => JSON.parse(text))).toEqual([[409, { type: 'urn:comfyui-gateway:problem:CONFLICT', title: 'This conflicts with what is there', status: 409, detail, code: 'CONFLICT', retryable: false }]]);
});
