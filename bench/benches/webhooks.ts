import { runAlone } from '../harness/alone.ts';
import { type Bench, type Check, must, type Options, type Report, target } from '../harness/bench.ts';
import { graph } from '../harness/graph.ts';
import { json } from '../harness/http.ts';
import { type Keep, makeHome, startGateway, startScript, startStub, withProcesses } from '../harness/processes.ts';
import { ms, whole } from '../harness/show.ts';
import { accept, acceptMany, Ledger, orderOf, waitUntil } from '../harness/tasks.ts';
import { cpuOf, settledCpuOf } from '../harness/usage.ts';

interface Case {
  readonly name: string;
  /** Event that the webhooks tell of; `queued` is told of tasks that nobody works on meanwhile. */
  readonly event: 'queued' | 'completed';
  /** The receiver answers 500 to every second message at its first coming. */
  readonly half: boolean;
}

interface Result extends Case {
  readonly count: number;
  readonly seconds: number;
  /** CPU milliseconds of the gateway per delivery, and where tasks are worked on per task with its delivery. */
  readonly cpu: number;
  readonly tries: number;
  /** What the receiver counted. */
  readonly messages: number;
  readonly taken: number;
  readonly refused: number;
  readonly badlySigned: number;
}

const secret = `whsec_${Buffer.alloc(32, 7).toString('base64')}`;
const patience = 300_000;
const hour = 3_600_000;

const cases: readonly Case[] = [
  { name: 'receiver well', event: 'queued', half: false },
  { name: 'every second message refused once', event: 'queued', half: true },
  { name: 'receiver well, told of the end while tasks are worked on', event: 'completed', half: false },
];

export const webhooks: Bench = {
  name: 'webhooks',
  title: 'Delivering webhooks',
  about: 'Signed webhooks to a receiver in a process of its own, which checks signatures and counts messages. The tasks are handed over before the gateway with the outbox starts; they wait behind one long job where only the deliveries are measured. A message that is refused comes again after 5 s, by the schedule: the time of that row is mostly this pause.',
  run: (options) => withProcesses(async (keep) => {
    const results: Result[] = [];
    for (const one of cases) results.push(await measured(one, keep, options));
    return report(results);
  }),
};

async function measured(one: Case, keep: Keep, { quick, profile }: Options): Promise<Result> {
  const count = quick ? 200 : 1_000;
  const receiver = await keep(startScript('bench/receiver/main.ts', [secret, ...(one.half ? ['--half'] : [])]));
  const stub = await keep(startStub({ parallel: true }));
  const home = await keep(makeHome());
  const env = { WEBHOOK_SECRET: secret, WEBHOOK_ALLOWED_HOSTS: `*,${new URL(receiver.url).host}`, ...(one.event === 'queued' ? { WORKER_CONCURRENCY: '1' } : {}) };
  const doors = await keep(startGateway({ comfyui: stub.url, role: 'api', home, env }));
  if (one.event === 'queued') await accept(doors.url, orderOf(graph({ milliseconds: hour }), { priority: 100 }));
  await acceptMany(doors.url, orderOf(graph(), { webhook_url: `${receiver.url}/hook`, webhook_events: [one.event] }), { callers: 16, count, into: new Set() });
  await doors.stop();
  const ledger = new Ledger(home.database);
  const gateway = await keep(startGateway({ comfyui: stub.url, home, env: { ...env, SHUTDOWN_GRACE_SECONDS: '0.5' }, profile: one.half ? undefined : profile }));
  const [cpu, already] = [cpuOf(gateway.pid), ledger.deliveries().delivered];
  await waitUntil(() => ledger.deliveries().delivered >= count, { limit: patience });
  const spent = (await settledCpuOf(gateway.pid)) - cpu;
  const { seconds, tries } = ledger.deliveries();
  const had = await json(receiver.url);
  ledger.close();
  await gateway.stop();
  const number = (name: string): number => Number(had[name]);
  return { ...one, count, seconds, cpu: spent / Math.max(1, count - already), tries, messages: number('messages'), taken: number('taken'), refused: number('refused'), badlySigned: number('badlySigned') };
}

function report(results: readonly Result[]): Report {
  return {
    tables: [{
      head: ['', 'deliveries', 'per second', 'seconds', 'tries', 'CPU ms each'],
      rows: results.map(({ name, count, seconds, tries, cpu }) => [name, whole(count), whole(count / seconds), ms(seconds), whole(tries), ms(cpu)]),
    }],
    checks: [...results.flatMap(promises), ...results.slice(0, 1).map(speed)],
    notes: ['In the last row the CPU is that of a whole task, its delivery included.'],
  };
}

/** Whatever waits for one receiver, it is kept busy. */
const speed = ({ name, count, seconds }: Result): Check => target(`${name}: 200 deliveries a second or more to one receiver (${whole(count / seconds)})`, count / seconds >= 200);

function promises({ name, half, count, tries, messages, taken, refused, badlySigned }: Result): Check[] {
  return [
    must(`${name}: each of ${count} messages was taken exactly once (${taken} takings of ${messages} messages)`, messages === count && taken === count),
    must(`${name}: ${half ? `${refused} were refused and came once more` : 'none came twice'} (${tries} tries), every one well signed (${badlySigned} were not)`, badlySigned === 0 && tries === count + refused && (refused > 0) === half),
  ];
}

await runAlone(webhooks, import.meta.main);
