import { Floor } from '../floor/floor.ts';
import { runAlone } from '../harness/alone.ts';
import { type Bench, type Check, must, type Options, type Report, target } from '../harness/bench.ts';
import { graph } from '../harness/graph.ts';
import { json } from '../harness/http.ts';
import { drive, type Load, median, percentile } from '../harness/load.ts';
import { type Keep, makeHome, type Running, startGateway, startStub, withProcesses } from '../harness/processes.ts';
import { ms, ratio, whole } from '../harness/show.ts';
import { acceptMany, type Drained, Ledger, orderOf, waitUntil } from '../harness/tasks.ts';
import { cpuOf, memoryOf, ownCpu, settledCpuOf } from '../harness/usage.ts';

interface Case {
  /** How long a job takes in the stub, which runs all at once. */
  readonly pace: number;
  readonly atOnce: number;
  readonly count: number;
}

interface Result {
  readonly asked: Case;
  readonly floor: Load;
  /** CPU milliseconds per job of the client that is the floor, and per task of the gateway. */
  readonly cpu: { readonly floor: number; readonly gateway: number };
  readonly drained: Drained;
  readonly lost: number;
  /** Jobs of tasks that the stub ran, and how many of them differ. */
  readonly ran: { readonly jobs: number; readonly different: number };
  /** MB: when the run began, and ten samples from there on where the gateway remembers as many finished prompts as it ever does. */
  readonly rss: { readonly first: number; readonly samples: readonly number[] };
}

const bytes = 65_536;
/** MB that the last third of the samples may lie above the first. */
const flat = 30;
/** Finished prompts that a gateway keeps in memory (src/constants/limits.ts): until then it grows. */
const remembered = 2_000;
/** Left alone, V8 lets garbage grow for as long as the machine has room: then memory tells when it collects, not what is held. */
const heap = '--max-old-space-size=256';
const patience = 1_200_000;

export const drain: Bench = {
  name: 'drain',
  title: 'Working through queued tasks',
  about: 'Tasks are handed over while nobody works on them; then a gateway starts on that database (WORKER_CONCURRENCY and TASKS_PER_INSTANCE as many as run at once) and works until all have ended. The stub runs all jobs at once and counts them. The floor does the same jobs directly, as many at once: submit, wait, fetch the 64 KB picture. The time goes from the first beginning to the last end, as the database has them; a run from the beginning of a task to its end, its copy of the picture stored. The gateway has a heap of 256 MB, so that its memory tells what it holds and not when garbage is collected. It is sampled from the 2,000th task on: a gateway remembers that many finished prompts, and grows until then.',
  run: (options) => withProcesses(async (keep) => {
    const stub = await keep(startStub({ parallel: true }));
    const floor = await Floor.open(stub.url);
    const results: Result[] = [];
    for (const asked of casesOf(options)) results.push(await measured(asked, { stub, floor, keep, profile: asked.count >= 1_000 && asked.pace > 0 ? options.profile : undefined }));
    floor.close();
    return report(results);
  }),
};

const casesOf = ({ quick }: Options): readonly Case[] => [
  { pace: 8, atOnce: 1, count: quick ? 50 : 300 },
  { pace: 0, atOnce: 16, count: quick ? 200 : 2_000 },
  { pace: 8, atOnce: 16, count: quick ? 1_000 : 10_000 },
];

interface With {
  readonly stub: Running;
  readonly floor: Floor;
  readonly keep: Keep;
  readonly profile: string | undefined;
}

async function measured(asked: Case, { stub, floor, keep, profile }: With): Promise<Result> {
  const { pace, atOnce, count } = asked;
  const job = graph({ milliseconds: pace, bytes });
  const own = ownCpu();
  const direct = await drive({ callers: atOnce, count: Math.min(count, 2_000) }, async () => void (await floor.job(job)));
  const floorCpu = (ownCpu() - own) / direct.times.length;
  const before = (await began(stub)).length;
  const home = await keep(makeHome());
  const doors = await keep(startGateway({ comfyui: stub.url, role: 'api', home }));
  const ids = new Set<string>();
  await acceptMany(doors.url, orderOf(job), { callers: 16, count, into: ids });
  await doors.stop();
  const ledger = new Ledger(home.database);
  const gateway = await keep(startGateway({ comfyui: stub.url, home, profile, env: { WORKER_CONCURRENCY: String(atOnce), TASKS_PER_INSTANCE: String(atOnce), NODE_OPTIONS: heap } }));
  const [cpu, already] = [cpuOf(gateway.pid), ledger.completed()];
  const samples: { readonly done: number; readonly rss: number }[] = [];
  await waitUntil(() => ledger.open() === 0, { limit: patience, meanwhile: () => samples.push({ done: ledger.completed(), rss: memoryOf(gateway.pid).rss }) });
  const spent = (await settledCpuOf(gateway.pid)) - cpu;
  const jobs = (await began(stub)).slice(before);
  const lost = ids.size - ledger.completed() + ledger.missing(ids).length;
  const drained = ledger.drained();
  ledger.close();
  await gateway.stop();
  return { asked, floor: direct, cpu: { floor: floorCpu, gateway: spent / (count - already) }, drained, lost, ran: { jobs: jobs.length, different: new Set(jobs).size }, rss: { first: samples[0]?.rss ?? 0, samples: tenOf(samples.filter(({ done }) => done >= remembered).map(({ rss }) => rss)) } };
}

/** Ids of the jobs that the stub began. */
async function began({ url }: Running): Promise<readonly unknown[]> {
  return Object.values(await json(`${url}/bench/began`));
}

const tenOf = (samples: readonly number[]): number[] => samples.length < 10 ? [] : Array.from({ length: 10 }, (_, n) => samples[Math.min(samples.length - 1, Math.round((n * (samples.length - 1)) / 9))] ?? 0);
const rateOf = ({ drained }: Result): number => drained.runs.length / drained.seconds;
const nameOf = ({ pace, atOnce, count }: Case): string => `${count} tasks, ${pace === 0 ? 'instant' : `${pace} ms`}, ${atOnce} at once`;

function report(results: readonly Result[]): Report {
  return {
    tables: [{
      head: ['', 'floor/s', 'tasks/s', 'of the floor', 'floor p50 ms', 'run p50 ms', 'run p99 ms', 'over the job, p50 ms', 'floor CPU ms', 'CPU ms per task'],
      rows: results.map((result) => {
        const { asked, floor, drained, cpu } = result;
        const run = percentile(drained.runs, 0.5);
        return [nameOf(asked), whole(floor.rate), whole(rateOf(result)), ratio(rateOf(result) / floor.rate), ms(percentile(floor.times, 0.5)), whole(run), whole(percentile(drained.runs, 0.99)), whole(run - asked.pace), ms(cpu.floor), ms(cpu.gateway)];
      }),
    }, {
      head: ['RSS MB', 'at first', ...Array.from({ length: 10 }, (_, n) => String(n + 1))],
      rows: results.filter(({ rss }) => rss.samples.length > 0).map(({ asked, rss }) => [nameOf(asked), whole(rss.first), ...rss.samples.map(whole)]),
    }],
    checks: [...results.flatMap(promises), ...results.slice(-1).flatMap(flatness), ...results.slice(0, 1).map(alone)],
  };
}

function promises({ asked, lost, ran, floor }: Result): Check[] {
  return [
    must(`${nameOf(asked)}: none was lost (${lost} were), and the floor lost none (${floor.lost.length})`, lost === 0 && floor.lost.length === 0),
    must(`${nameOf(asked)}: the stub ran exactly ${asked.count} jobs (${ran.jobs}, ${ran.different} different)`, ran.jobs === asked.count && ran.different === asked.count),
  ];
}

/** Of a run that is long enough. */
function flatness({ asked, rss: { samples } }: Result): Check[] {
  if (samples.length === 0) return [];
  const [first, last] = [median(samples.slice(0, 3)), median(samples.slice(-3))];
  return [must(`${nameOf(asked)}: memory stays flat, the last third of the samples at most ${flat} MB above the first (${whole(first)} MB, then ${whole(last)} MB)`, last <= first + flat)];
}

function alone(result: Result): Check {
  const over = percentile(result.drained.runs, 0.5) - percentile(result.floor.times, 0.5);
  return target(`one task at a time takes at most 10 ms longer than its job directly, p50 (${ms(over)} ms)`, over <= 10);
}

await runAlone(drain, import.meta.main);
