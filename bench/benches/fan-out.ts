import { setTimeout as sleep } from 'node:timers/promises';
import { runAlone } from '../harness/alone.ts';
import { type Bench, must, type Report, target } from '../harness/bench.ts';
import { graph } from '../harness/graph.ts';
import { json } from '../harness/http.ts';
import { percentile } from '../harness/load.ts';
import { startGateway, startStub, withProcesses } from '../harness/processes.ts';
import { ms, whole } from '../harness/show.ts';
import { cpuOf, memoryOf } from '../harness/usage.ts';
import type { Findings } from '../watchers/findings.ts';
import { startWatchers } from '../watchers/start.ts';

interface Result {
  readonly watchers: number;
  readonly found: Findings;
  /** CPU milliseconds of the gateway while the prompt ran. */
  readonly cpu: number;
  readonly rss: number;
}

/** A prompt as it is usual: a step takes 200 ms and tells of itself in two messages. */
const step = 200;

export const fanOut: Bench = {
  name: 'fan-out',
  title: 'Many watchers of one prompt',
  about: 'One prompt of 20 steps, 200 ms each, with two messages per step; every watcher has a socket of its own under the same client id, all in one other process. The wait is from the moment the stub sends a frame until a watcher, or the last of them, has it.',
  run: ({ quick, profile }) => withProcesses(async (keep) => {
    const stub = await keep(startStub());
    const gateway = await keep(startGateway({ comfyui: stub.url, profile }));
    const steps = quick ? 5 : 20;
    await watched(gateway, { watchers: 100, steps: 5 });
    const results: Result[] = [];
    for (const watchers of [1, 100, 1_000]) results.push(await watched(gateway, { watchers, steps }));
    return report(results);
  }),
};

async function watched(gateway: { url: string; pid: number }, { watchers, steps }: { watchers: number; steps: number }): Promise<Result> {
  const clientId = `fan-out-${crypto.randomUUID()}`;
  const sockets = await startWatchers(`${gateway.url.replace('http', 'ws')}/api/v1/ws/${clientId}`, watchers);
  await sleep(500);
  const before = cpuOf(gateway.pid);
  const ended = sockets.findings(60_000);
  await json(`${gateway.url}/api/v1/workflows/submit`, { method: 'POST', body: JSON.stringify({ workflow: graph({ milliseconds: steps * step, steps }), client_id: clientId }) });
  const found = await ended;
  return { watchers, found, cpu: cpuOf(gateway.pid) - before, rss: memoryOf(gateway.pid).rss };
}

function report(results: readonly Result[]): Report {
  const lost = results.reduce((sum, { found }) => sum + found.lost, 0);
  const many = results.at(-1);
  const worst = percentile(many?.found.lastWaits.toSorted((a, b) => a - b) ?? [], 0.99);
  return {
    tables: [{
      head: ['watchers', 'messages', 'states lost', 'progress given way', 'p50 ms', 'p99 ms', 'last watcher p50 ms', 'last watcher p99 ms', 'CPU ms per 1,000', 'RSS MB'],
      rows: results.map(({ watchers, found, cpu, rss }) => {
        const last = found.lastWaits.toSorted((a, b) => a - b);
        return [whole(watchers), whole(found.messages), whole(found.lost), whole(found.dropped), ms(percentile(found.waits, 0.5)), ms(percentile(found.waits, 0.99)), ms(percentile(last, 0.5)), ms(percentile(last, 0.99)), watchers === 1 ? '' : ms((cpu * 1_000) / found.messages), whole(rss)];
      }),
    }],
    checks: [
      must(`no watcher missed, repeated or mixed up a state message (${lost} did)`, lost === 0),
      target(`the last of 1,000 watchers has a message within 50 ms, p99 (${ms(worst)} ms)`, worst < 50),
    ],
  };
}

await runAlone(fanOut, import.meta.main);
