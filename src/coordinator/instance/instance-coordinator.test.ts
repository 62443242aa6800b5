import { describe, expect, it } from 'vitest';
import { gone } from '../../../tests/support/scripted-task-engine.ts';
import { fail } from '../../core/errors.ts';
import { instanceOf } from '../../molecules/instance-pool/address.ts';
import { InstancePool } from '../../molecules/instance-pool/pool.ts';
import { InstanceCoordinator } from './instance-coordinator.ts';

type Info = ConstructorParameters<typeof InstanceCoordinator>[0]['info'];
const forEver = new AbortController().signal;
const pool = (): InstancePool => new InstancePool(['http://a:1', 'http://b:2'].map(instanceOf));
const refuse = (): Promise<never> => Promise.reject(fail('CONNECTION_ERROR', 'nobody answers.'));
const info: Info = {
  system: ({ name }) => (name === 'a:1' ? refuse() : Promise.resolve({ version: '0.3.64', sandbox: true })),
  stats: ({ name }) => (name === 'a:1' ? refuse() : Promise.resolve({ system: { os: 'posix' }, devices: [] })),
};
const coordinator = (over: Partial<Info> = {}, instances = pool()): InstanceCoordinator => new InstanceCoordinator({ pool: instances, info: { ...info, ...over }, now: () => 5_000 });

describe('instances', () => {
  it('are ready when one of them can take a workflow', () => {
    const instances = pool();
    expect(coordinator({}, instances).readiness()).toMatchObject({ ready: false, instances: [{ instance: 'a:1', healthy: false }, { instance: 'b:2', healthy: false }] });
    instances.connected('b:2', { at: 1_000, sandbox: false, version: '0.3.64' });
    expect(coordinator({}, instances).readiness().ready).toBe(true);
  });

  it('are asked each, and those that do not answer are told with why', async () => {
    expect(await coordinator().look(forEver)).toEqual([
      { instance: 'a:1', answers: false, version: undefined, sandbox: false, reason: 'A server cannot be reached: nobody answers.' },
      { instance: 'b:2', answers: true, version: '0.3.64', sandbox: true, reason: undefined },
    ]);
  });

  it('tell their figures: those of the first that answers, and of all', async () => {
    expect(await coordinator().systemStats(forEver)).toEqual({
      ...{ instance: 'b:2', system: { os: 'posix' }, devices: [] },
      instances: [{ instance: 'a:1', error: 'A server cannot be reached: nobody answers.' }, { instance: 'b:2', system: { os: 'posix' }, devices: [] }],
    });
  });

  it('that all are silent are told so, with when to come again', async () => {
    await expect(coordinator({ stats: refuse }).systemStats(forEver)).rejects.toMatchObject({ code: 'CONNECTION_ERROR', retryAfter: 5, detail: 'no instance tells its figures now (a:1, b:2).' });
    await expect(coordinator({ stats: (_, signal) => gone(signal) }).systemStats(AbortSignal.timeout(10))).rejects.toMatchObject({ code: 'CONNECTION_ERROR' });
  });
});
