import { Floor } from '../floor/floor.ts';
import { GatewayClient } from '../gateway/client.ts';
import { runAlone } from '../harness/alone.ts';
import { type Bench, type Check, must, type Options, type Report, type Table, target } from '../harness/bench.ts';
import { graph } from '../harness/graph.ts';
import { drive, type Load, median, percentile } from '../harness/load.ts';
import { startGateway, startStub, withProcesses } from '../harness/processes.ts';
import { ms, ratio, whole } from '../harness/show.ts';
import { memoryOf, ownCpu, settledCpuOf } from '../harness/usage.ts';

interface Side {
  readonly name: string;
  readonly job: () => Promise<Buffer>;
  /** CPU milliseconds spent so far by what stands between the caller and ComfyUI, once it rests. */
  readonly cpu: () => number | Promise<number>;
}

interface Run {
  readonly side: string;
  readonly load: Load;
  readonly cpu: number;
}

interface Cell {
  readonly pace: number;
  readonly callers: number;
  readonly rounds: readonly (readonly Run[])[];
}

const bytes = 65_536;
const goals: Readonly<Record<number, number>> = { 0: 0.9, 8: 0.95 };

export const jobs: Bench = {
  name: 'jobs',
  title: 'Jobs from graph to picture',
  about: 'Submit, wait for the result on one WebSocket, fetch the 64 KB picture by its URL. The floor is the cheapest correct client of ComfyUI itself; rounds alternate. CPU is that of the caller for the floor and that of the gateway process else, with the copies that it makes afterwards. Instant jobs cost the stub nothing, so the cores belong to whoever asks; paced jobs take 8 ms each, one after the other, as those of a real ComfyUI do.',
  run: (options) => withProcesses(async (keep) => {
    const stub = await keep(startStub());
    const mirror = await keep(startGateway({ comfyui: stub.url, profile: options.profile }));
    const relay = await keep(startGateway({ comfyui: stub.url, env: { MIRROR_OUTPUTS: 'false' } }));
    const [floor, mirrored, relayed] = await Promise.all([Floor.open(stub.url), GatewayClient.open(mirror.url), GatewayClient.open(relay.url)]);
    const sides = (milliseconds: number): Side[] => [
      { name: 'floor', job: () => floor.job(graph({ milliseconds, bytes })), cpu: ownCpu },
      { name: 'gateway', job: () => mirrored.job(graph({ milliseconds, bytes })), cpu: () => settledCpuOf(mirror.pid) },
      { name: 'gateway, no mirror', job: () => relayed.job(graph({ milliseconds, bytes })), cpu: () => settledCpuOf(relay.pid) },
    ];
    for (const side of sides(0)) await drive({ callers: 16, count: 300 }, () => wholePicture(side));
    const cells: Cell[] = [];
    for (const pace of [0, 8]) for (const callers of [1, 16, 64]) cells.push({ pace, callers, rounds: await alternate(sides(pace), callers, options) });
    const memory = [mirror, relay].map(({ pid }) => memoryOf(pid));
    for (const one of [floor, mirrored, relayed]) one.close();
    return report(cells, memory.map(({ rss, peak }, at) => `${at === 0 ? 'With' : 'Without'} the mirror the gateway held ${whole(rss)} MB at the end and ${whole(peak)} MB at most.`));
  }),
};

async function wholePicture(side: Side): Promise<void> {
  const { length } = await side.job();
  if (length !== bytes) throw new Error(`the picture has ${length} bytes instead of ${bytes}`);
}

async function alternate(sides: readonly Side[], callers: number, { quick }: Options): Promise<Run[][]> {
  const count = quick ? 100 : 300;
  const rounds: Run[][] = [];
  for (let round = 0; round < (quick ? 1 : 3); round += 1) {
    const runs: Run[] = [];
    for (const side of sides) {
      const before = await side.cpu();
      const load = await drive({ callers, count }, () => wholePicture(side));
      runs.push({ side: side.name, load, cpu: ((await side.cpu()) - before) / count });
    }
    rounds.push(runs);
  }
  return rounds;
}

function report(cells: readonly Cell[], notes: readonly string[]): Report {
  const lost = cells.flatMap((cell) => cell.rounds.flat()).flatMap((run) => run.load.lost);
  const many = cells.reduce((sum, cell) => sum + cell.rounds.flat().reduce((inner, run) => inner + run.load.times.length, 0), lost.length);
  const most = Math.max(...cells.filter((cell) => cell.callers === 16).map((cell) => median(at(cell, 1).map((run) => run.cpu))));
  return {
    tables: cells.map((cell) => tableOf(cell)),
    checks: [must(`of ${many} jobs none was lost (${lost.length} were${lost[0] === undefined ? '' : `: ${lost[0]}`})`, lost.length === 0), ...cells.map(goalOf), target(`at most 5 ms of CPU per job at 16 callers, half of what Salad's comfyui-api 1.18.0 took (${ms(most)} ms)`, most <= 5)],
    notes,
  };
}

const at = (cell: Cell, side: number): readonly Run[] => cell.rounds.flatMap((runs) => runs[side] ?? []);

function speed(cell: Cell, side: number): number {
  return median(cell.rounds.map((runs) => (runs[side]?.load.rate ?? 0) / (runs[0]?.load.rate ?? 1)));
}

function tableOf(cell: Cell): Table {
  const kind = cell.pace === 0 ? 'instant' : `${cell.pace} ms`;
  return {
    head: [`${kind}, ${cell.callers} at once`, 'jobs/s', 'of the floor', 'p50 ms', 'p99 ms', 'CPU ms per job', 'lost'],
    rows: (cell.rounds[0] ?? []).map(({ side }, index) => {
      const runs = at(cell, index);
      return [
        side,
        whole(median(runs.map((run) => run.load.rate))),
        index === 0 ? '' : ratio(speed(cell, index)),
        ms(median(runs.map((run) => percentile(run.load.times, 0.5)))),
        ms(median(runs.map((run) => percentile(run.load.times, 0.99)))),
        ms(median(runs.map((run) => run.cpu))),
        whole(runs.reduce((sum, run) => sum + run.load.lost.length, 0)),
      ];
    }),
  };
}

function goalOf(cell: Cell): Check {
  const goal = goals[cell.pace] ?? 0;
  const kind = cell.pace === 0 ? 'instant jobs' : `jobs of ${cell.pace} ms`;
  return target(`${kind}, ${cell.callers} at once: at least ${ratio(goal)} the floor (${ratio(speed(cell, 1))})`, speed(cell, 1) >= goal);
}

await runAlone(jobs, import.meta.main);
