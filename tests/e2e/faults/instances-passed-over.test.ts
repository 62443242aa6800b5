import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { startTestSandbox, type TestSandbox } from '../../support/engine.ts';
import { startTestGateway, type TestGateway } from '../../support/gateway.ts';
import { solidColour } from '../../support/graphs.ts';
import { containing } from '../../support/matchers.ts';
import { until } from '../../support/until.ts';

let one: TestSandbox;
let two: TestSandbox;
let gateway: TestGateway;

beforeEach(async () => {
  [one, two] = await Promise.all([startTestSandbox(), startTestSandbox()]);
  gateway = await startTestGateway({ instances: [one.url, two.url], env: { COMFYUI_REQUEST_TIMEOUT: '1' } });
});
afterEach(async () => {
  await gateway.close();
  await Promise.all([one[Symbol.asyncDispose](), two[Symbol.asyncDispose]()]);
});

const nameOf = ({ url }: TestSandbox): string => new URL(url).host;
const posts = ({ sandbox }: TestSandbox): number => sandbox.counters.snapshot.requests['POST /prompt'] ?? 0;

/** Submits until the sick one was asked once and did not take the prompt. */
async function meet(sick: TestSandbox): Promise<void> {
  while (posts(sick) === 0) await gateway.post('/api/v1/workflows/submit', { workflow: solidColour() });
}

describe.each([
  ['hangs', { hang: { 'POST /prompt': 1_000 } }],
  ['says 500', { failPromptBefore: 1_000 }],
])('of two instances, one whose socket is fine and which %s at every prompt', (_what, knobs) => {
  test('is passed over for a while, so the others are served at once, and said to be so to admins', async () => {
    one.sandbox.knobs.set(knobs);
    await meet(one);
    const { body } = await gateway.call('GET', '/readyz');
    expect(body).toMatchObject({ healthy: 2, instances: [{ instance: nameOf(one), healthy: true, passed_over_until: expect.any(Number) as number }, { instance: nameOf(two) }] });
    const answers = await Promise.all(Array.from({ length: 10 }, () => gateway.submit(solidColour())));
    expect(new Set(answers.map((answer) => answer.instance))).toEqual(new Set([nameOf(two)]));
    expect(posts(one)).toBe(1);
  });

  test('is tried again, and forgiven when it takes one', async () => {
    one.sandbox.knobs.set(knobs);
    await meet(one);
    one.sandbox.knobs.reset();
    const answer = await until('it is chosen again', async () => {
      const given = await gateway.submit(solidColour());
      return given.instance === nameOf(one) && given;
    });
    expect((await gateway.ended(answer.prompt_id)).state).toBe('completed');
    expect(JSON.stringify((await gateway.call('GET', '/readyz')).body)).not.toContain('passed_over_until');
  });
});

test('one that is passed over is asked all the same where the other is away', async () => {
  one.sandbox.knobs.set({ failPromptBefore: 1 });
  await meet(one);
  two.sandbox.knobs.set({ refuseSockets: true });
  two.sandbox.closeSockets();
  await until('the gateway has noticed', async () => (await gateway.healthy()) === 1);
  expect((await gateway.submit(solidColour())).instance).toBe(nameOf(one));
});

test('one that refuses a workflow has taken it in hand and is not passed over', async () => {
  const missing = { '1': { class_type: 'SaveImage', inputs: { filename_prefix: 'x' } } };
  for (const _ of [one, two]) expect(await gateway.refusal({ workflow: missing })).toMatchObject({ code: 'WORKFLOW_VALIDATION_ERROR', detail: containing('images') });
  expect(JSON.stringify((await gateway.call('GET', '/readyz')).body)).not.toContain('passed_over_until');
});
