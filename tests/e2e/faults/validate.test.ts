import { describe, expect, test } from 'vitest';
import { DiagnosisAnswer } from '../../../src/models/diagnosis.ts';
import { startTestSandbox } from '../../support/engine.ts';
import { startTestGateway, type TestGateway } from '../../support/gateway.ts';
import { solidColour } from '../../support/graphs.ts';
import { until } from '../../support/until.ts';

/** An address where nobody listens. */
const nobody = 'http://127.0.0.1:9';

async function validated(gateway: TestGateway): Promise<DiagnosisAnswer> {
  const answer = await gateway.post('/api/v1/workflows/validate', { workflow: solidColour() });
  expect(answer.status).toBe(200);
  return DiagnosisAnswer.parse(answer.body);
}

describe('a workflow is looked at', () => {
  test('for the instances that are there; of one that is away the reason is told', async () => {
    await using engine = await startTestSandbox();
    await using gateway = await startTestGateway({ instances: [nobody, engine.url], healthy: 1 });
    const { valid, instances: [away, there] } = await validated(gateway);
    expect([valid, there]).toMatchObject([true, { checked: true, valid: true }]);
    expect(away).toEqual({ instance: '127.0.0.1:9', checked: false, reason: expect.stringContaining('127.0.0.1:9') as unknown, valid: false, errors: [], warnings: [] });
  });

  test('with no instance there, too: then it is not known to be valid', async () => {
    await using gateway = await startTestGateway({ instances: [nobody], healthy: 0 });
    expect(await validated(gateway)).toMatchObject({ valid: false, errors: [], instances: [{ checked: false, valid: false }] });
  });

  test('by what an instance said a moment ago, but not once it has gone away', async () => {
    await using engine = await startTestSandbox();
    await using gateway = await startTestGateway({ instances: [engine.url] });
    expect((await validated(gateway)).valid).toBe(true);
    engine.sandbox.knobs.set({ refuseSockets: true, hang: { 'GET /object_info': 1_000 } });
    expect((await validated(gateway)).instances).toMatchObject([{ checked: true, valid: true }]);
    engine.sandbox.closeSockets();
    await until('the gateway has noticed', async () => (await gateway.healthy()) === 0);
    expect((await validated(gateway)).instances).toMatchObject([{ checked: false, valid: false }]);
    engine.sandbox.knobs.reset();
  });

  test('without waiting for an instance that does not answer', async () => {
    await using silent = await startTestSandbox({ knobs: { hang: { 'GET /object_info': 1_000 } } });
    await using engine = await startTestSandbox();
    await using gateway = await startTestGateway({ instances: [silent.url, engine.url] });
    const begun = performance.now();
    const { valid, instances } = await validated(gateway);
    expect(performance.now() - begun).toBeLessThan(6_000);
    expect([valid, instances.map(({ checked }) => checked), instances[0]?.reason]).toEqual([true, [false, true], `Instance ${new URL(silent.url).host} did not say within 2.5 s which nodes it has.`]);
    silent.sandbox.knobs.reset();
  });
});
