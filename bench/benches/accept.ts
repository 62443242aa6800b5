import { runAlone } from '../harness/alone.ts';
import { type Bench, must, type Options, type Report, target } from '../harness/bench.ts';
import { graph } from '../harness/graph.ts';
import { drive, type Load, median, percentile } from '../harness/load.ts';
import { type Gateway, makeHome, startGateway, startScript, startStub, withProcesses } from '../harness/processes.ts';
import { ms, ratio, whole } from '../harness/show.ts';
import { cpuOf } from '../harness/usage.ts';
import { accept as handOver, Ledger, orderOf } from '../harness/tasks.ts';

/** Where tasks are handed over. */
interface Side {
  readonly url: string;
  readonly pid: number;
  /** Tasks that were answered with 202. */
  readonly ids: Set<string>;
}

type Sides = Readonly<Record<'floor' | 'idle' | 'working', Side>>;
type Round = Readonly<Record<keyof Sides, Load>> & { readonly cpu: number };

interface Row {
  readonly callers: number;
  readonly rounds: readonly Round[];
}

interface Result {
  readonly rows: readonly Row[];
  readonly burst: Load;
  readonly floorBurst: Load;
  readonly accepted: number;
  readonly gone: number;
}

const order = orderOf(graph({ milliseconds: 8 }));
/** Tasks handed over in one go at the end. */
const burstSize = 10_000;

export const accept: Bench = {
  name: 'accept',
  title: 'Accepting tasks',
  about: 'POST of a task until its 202, which comes after the commit: to a gateway of which no process works (`npm start api`), and to one that works meanwhile on jobs of 8 ms, one after the other, as those of a real ComfyUI. The floor is a bare node:http server that writes one row per call into a database set up alike; rounds alternate. Afterwards both gateways are ended by kill -9 right after an answer, and the tasks are counted in what is left on disk.',
  run: (options) => withProcesses(async (keep) => {
    const homes = [await keep(makeHome()), await keep(makeHome()), await keep(makeHome())] as const;
    const stub = await keep(startStub());
    const bare = await keep(startScript('bench/floor/accepting.ts', [`${homes[0].folder}/floor.db`]));
    const idle = await keep(startGateway({ comfyui: stub.url, role: 'api', home: homes[1], profile: options.profile }));
    const working = await keep(startGateway({ comfyui: stub.url, home: homes[2] }));
    const sides: Sides = { floor: sideOf(bare), idle: sideOf(idle), working: sideOf(working) };
    for (const side of Object.values(sides)) await load(side, { callers: 16, count: 300 });
    const rows: Row[] = [];
    for (const callers of [1, 16, 64]) rows.push({ callers, rounds: await alternate(options, callers, sides) });
    await load(sides.working, { callers: 16, count: 100 });
    await working.kill();
    const count = options.quick ? 1_000 : burstSize;
    const floorBurst = await load(sides.floor, { callers: 64, count });
    const burst = await load(sides.idle, { callers: 64, count });
    await endedHard(idle, options);
    const gone = [lacking(homes[1].database, sides.idle), lacking(homes[2].database, sides.working)];
    return report({ rows, burst, floorBurst, accepted: sides.idle.ids.size + sides.working.ids.size, gone: gone.reduce((sum, one) => sum + one, 0) });
  }),
};

const sideOf = ({ url, pid }: { readonly url: string; readonly pid: number }): Side => ({ url, pid, ids: new Set() });

function load({ url, ids }: Side, how: { readonly callers: number; readonly count: number }): Promise<Load> {
  return drive(how, async () => void ids.add(await handOver(url, order)));
}

/** One that is profiled must end by itself. */
const endedHard = (gateway: Gateway, { profile }: Options): Promise<void> => (profile === undefined ? gateway.kill() : gateway.stop());

function lacking(database: string, { ids }: Side): number {
  const ledger = new Ledger(database);
  const { length } = ledger.missing(ids);
  ledger.close();
  return length;
}

async function alternate({ quick }: Options, callers: number, sides: Sides): Promise<Round[]> {
  const count = quick ? 200 : 500;
  const rounds: Round[] = [];
  for (let round = 0; round < (quick ? 1 : 5); round += 1) {
    const floor = await load(sides.floor, { callers, count });
    const before = cpuOf(sides.idle.pid);
    const idle = await load(sides.idle, { callers, count });
    const cpu = (cpuOf(sides.idle.pid) - before) / count;
    rounds.push({ floor, idle, cpu, working: await load(sides.working, { callers, count }) });
  }
  return rounds;
}

function report({ rows, burst, floorBurst, accepted, gone }: Result): Report {
  const lost = [...rows.flatMap((row) => row.rounds).flatMap((round) => [...round.floor.lost, ...round.idle.lost, ...round.working.lost]), ...burst.lost, ...floorBurst.lost];
  return {
    tables: [{
      head: ['callers', 'floor/s', 'idle/s', 'of the floor', 'working/s', 'of the floor', 'floor p50 ms', 'idle p50 ms', 'idle p99 ms', 'working p50 ms', 'working p99 ms', 'idle CPU ms'],
      rows: rows.map(({ callers, rounds }) => {
        const rate = (side: keyof Sides): string => whole(median(rounds.map((round) => round[side].rate)));
        const share = (side: keyof Sides): string => ratio(median(rounds.map((round) => round[side].rate / round.floor.rate)));
        const wait = (side: keyof Sides, part: number): string => ms(median(rounds.map((round) => percentile(round[side].times, part))));
        return [whole(callers), rate('floor'), rate('idle'), share('idle'), rate('working'), share('working'), wait('floor', 0.5), wait('idle', 0.5), wait('idle', 0.99), wait('working', 0.5), wait('working', 0.99), ms(median(rounds.map((round) => round.cpu)))];
      }),
    }, {
      head: [`${burst.times.length} tasks, 64 callers`, 'per second', 'p50 ms', 'p99 ms'],
      rows: ([['floor', floorBurst], ['gateway', burst]] as const).map(([name, one]) => [name, whole(one.rate), ms(percentile(one.times, 0.5)), ms(percentile(one.times, 0.99))]),
    }],
    checks: [
      must(`every task was answered with 202 (${lost.length} were not${lost[0] === undefined ? '' : `: ${lost[0]}`})`, lost.length === 0),
      must(`of ${accepted} accepted tasks all are there after kill -9 (${gone} are not)`, gone === 0),
      target(`${burst.times.length} tasks accepted at 1,500 a second or more (${whole(burst.rate)})`, burst.rate >= 1_500),
    ],
  };
}

await runAlone(accept, import.meta.main);
