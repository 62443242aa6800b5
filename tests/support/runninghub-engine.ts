/** What stands behind an engine of type runninghub in tests: the sandbox, and entries of the engine registry that lead to it. */
import { SANDBOX_KEYS, type RunningRunningHub, type RunningHubOptions, startRunningHubSandbox } from '../../sandbox/runninghub/server.ts';

/** Two pictures in, one out. */
export const poseWorkflow = '1996080571212349442';

export interface TestHub extends AsyncDisposable {
  readonly hub: RunningRunningHub;
  /** Tasks that were made for that account. */
  readonly created: (account?: string) => number;
}

/** A sandbox in this process, as quick as it gets unless `knobs` say otherwise. */
export async function startTestHub(options: RunningHubOptions = {}): Promise<TestHub> {
  const hub = await startRunningHubSandbox({ ...options, knobs: { queueMs: 0, runMs: 50, ...options.knobs } });
  return {
    hub,
    created: (account = 'shared') => hub.counters.snapshot.created[account] ?? 0,
    [Symbol.asyncDispose]: () => hub.close(),
  };
}

/** Configuration of an engine that changes the pose of a person. */
export function poseEngine(hub: RunningRunningHub, over: Readonly<Record<string, unknown>> = {}): Record<string, unknown> {
  return {
    type: 'runninghub',
    config: {
      api_key: SANDBOX_KEYS.shared, workflow_id: poseWorkflow, api_base_url: hub.url, timeout: 30, poll_interval: 0.05,
      inputs: { source_image: { node_id: '12', field: 'image', kind: 'image' }, reference_image: { node_id: '13', field: 'image', kind: 'image' }, seed: { node_id: '3', field: 'seed', kind: 'integer', default: 7 } },
      ...over,
    },
  };
}
