import { setTimeout as sleep } from 'node:timers/promises';
import { runAlone } from '../harness/alone.ts';
import { type Bench, must, type Report, target } from '../harness/bench.ts';
import { median } from '../harness/load.ts';
import { startGateway, startStub, withProcesses } from '../harness/processes.ts';
import { whole } from '../harness/show.ts';
import { memoryOf } from '../harness/usage.ts';

/** Milliseconds until what the start left behind has been collected. */
const settling = 3_000;

export const start: Bench = {
  name: 'start',
  title: 'Start and rest',
  about: 'From spawning `node src/entry/main.ts` to the first 200 of /readyz, with a ComfyUI that answers at once; then the memory of the process that nobody has called yet.',
  run: ({ quick, profile }) => withProcesses(async (keep) => {
    const stub = await keep(startStub());
    const ready: number[] = [];
    const rss: number[] = [];
    for (let round = 0; round < (quick ? 1 : 5); round += 1) {
      const gateway = await startGateway({ comfyui: stub.url, profile });
      ready.push(gateway.readyMs);
      await sleep(settling);
      rss.push(memoryOf(gateway.pid).rss);
      await gateway.stop();
    }
    return report(ready, rss);
  }),
};

function report(ready: readonly number[], rss: readonly number[]): Report {
  return {
    tables: [{
      head: ['starts', 'ready ms, median', 'slowest ms', 'idle RSS MB, median'],
      rows: [[whole(ready.length), whole(median(ready)), whole(Math.max(...ready)), whole(median(rss))]],
    }],
    checks: [
      must('every start became ready', ready.every(Number.isFinite)),
      target(`ready within 1.5 s (${whole(median(ready))} ms)`, median(ready) < 1_500),
      target(`at most 130 MB at rest (${whole(median(rss))} MB)`, median(rss) <= 130),
    ],
  };
}

await runAlone(start, import.meta.main);
