/** An instance that takes calls for its queue and never answers them. */
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { startTestSandbox, type TestSandbox } from '../../support/engine.ts';
import { startTestGateway, type TestGateway } from '../../support/gateway.ts';
import { problem } from '../../support/gateway-client.ts';
import { solidColour } from '../../support/graphs.ts';

/** Milliseconds: well over the 2.5 s that an instance has, well below the 30 s of COMFYUI_REQUEST_TIMEOUT. */
const SOON = 6_000;

let silent: TestSandbox;
let gateway: TestGateway;
let begun: number;

const nameOf = (engine: TestSandbox): string => new URL(engine.url).host;
const fallSilent = (): void => {
  silent.sandbox.knobs.set({ hang: { 'GET /queue': 1_000, 'GET /history/:id': 1_000 } });
  begun = performance.now();
};
const took = (): number => performance.now() - begun;

beforeEach(async () => {
  silent = await startTestSandbox({ knobs: { hold: true } });
});
afterEach(async () => {
  silent.sandbox.knobs.reset();
  await gateway.close();
  await silent[Symbol.asyncDispose]();
});

describe('an instance that does not answer', () => {
  test('is named in the queue, and holds up nobody who asks for the others', async () => {
    await using other = await startTestSandbox({ knobs: { hold: true } });
    gateway = await startTestGateway({ instances: [silent.url, other.url] });
    const ids = [await gateway.submit(solidColour()), await gateway.submit(solidColour())];
    const there = ids.find((answer) => answer.instance === nameOf(other))?.prompt_id;
    fallSilent();
    const seen = await Promise.all([gateway.queue(), gateway.queue()]);
    expect(took()).toBeLessThan(SOON);
    for (const status of seen) {
      expect(status.running.map((item) => item.prompt_id)).toEqual([there]);
      expect(status.instances).toEqual([
        { instance: nameOf(silent), healthy: false, running: 0, pending: 0 },
        { instance: nameOf(other), healthy: true, running: 1, pending: 0 },
      ]);
    }
  });

  test('leaves out the position of a prompt that waits there', async () => {
    gateway = await startTestGateway({ instances: [silent.url] });
    await gateway.submit(solidColour());
    const { prompt_id: id } = await gateway.submit(solidColour());
    expect(await gateway.state(id)).toMatchObject({ state: 'queued', position: 0 });
    fallSilent();
    const state = await gateway.state(id);
    expect(took()).toBeLessThan(SOON);
    expect([state.state, state.position]).toEqual(['queued', undefined]);
  });

  test('is told as such when it is the only one', async () => {
    gateway = await startTestGateway({ instances: [silent.url] });
    fallSilent();
    const answers = await Promise.all(['queue/status', 'workflows/of-somebody'].map((path) => gateway.call('GET', `/api/v1/${path}`)));
    for (const answer of answers) expect(problem(answer)).toMatchObject({ status: 503, code: 'CONNECTION_ERROR' });
    expect(took()).toBeLessThan(SOON);
  });
});
