import { runAlone } from '../harness/alone.ts';
import { type Bench, must, type Options, type Report, target } from '../harness/bench.ts';
import { graph } from '../harness/graph.ts';
import { Floor } from '../floor/floor.ts';
import { GatewayClient } from '../gateway/client.ts';
import { drive, type Load, median, percentile } from '../harness/load.ts';
import { startGateway, startStub, withProcesses } from '../harness/processes.ts';
import { ms, ratio, whole } from '../harness/show.ts';
import { cpuOf } from '../harness/usage.ts';

interface Round {
  readonly direct: Load;
  readonly gateway: Load;
  readonly cpu: number;
}

export const submit: Bench = {
  name: 'submit',
  title: 'Submitting',
  about: 'POST of a small graph until its answer: straight to the stub and through the gateway, in alternating rounds. The stub runs nothing meanwhile: one long job stands before all others.',
  run: (options) => withProcesses(async (keep) => {
    const stub = await keep(startStub());
    const gateway = await keep(startGateway({ comfyui: stub.url, profile: options.profile }));
    const [floor, client] = await Promise.all([Floor.open(stub.url), GatewayClient.open(gateway.url)]);
    await floor.submit(graph({ milliseconds: 3_600_000 }));
    const direct = (): Promise<void> => floor.submit(graph());
    const through = async (): Promise<void> => void (await client.submit(graph()));
    for (const deed of [direct, through]) await drive({ callers: 16, count: 500 }, deed);
    const rows: { callers: number; rounds: Round[] }[] = [];
    for (const callers of [1, 16, 64]) rows.push({ callers, rounds: await alternate(options, callers, { direct, through, pid: gateway.pid }) });
    floor.close();
    client.close();
    return report(rows);
  }),
};

async function alternate({ quick }: Options, callers: number, { direct, through, pid }: { direct: () => Promise<void>; through: () => Promise<void>; pid: number }): Promise<Round[]> {
  const rounds: Round[] = [];
  const count = quick ? 200 : 500;
  for (let round = 0; round < (quick ? 1 : 5); round += 1) {
    const straight = await drive({ callers, count }, direct);
    const before = cpuOf(pid);
    const gateway = await drive({ callers, count }, through);
    rounds.push({ direct: straight, gateway, cpu: (cpuOf(pid) - before) / count });
  }
  return rounds;
}

const p = (rounds: readonly Round[], side: 'direct' | 'gateway', share: number): number => median(rounds.map((round) => percentile(round[side].times, share)));

function report(rows: readonly { callers: number; rounds: Round[] }[]): Report {
  const lost = rows.flatMap((row) => row.rounds).flatMap((round) => [...round.direct.lost, ...round.gateway.lost]);
  const alone = rows[0]?.rounds ?? [];
  const added = median(alone.map((round) => percentile(round.gateway.times, 0.5) - percentile(round.direct.times, 0.5)));
  return {
    tables: [{
      head: ['callers', 'direct/s', 'gateway/s', 'ratio', 'direct p50 ms', 'gateway p50 ms', 'direct p99 ms', 'gateway p99 ms', 'gateway CPU ms'],
      rows: rows.map(({ callers, rounds }) => [
        whole(callers),
        whole(median(rounds.map((round) => round.direct.rate))),
        whole(median(rounds.map((round) => round.gateway.rate))),
        ratio(median(rounds.map((round) => round.gateway.rate / round.direct.rate))),
        ms(p(rounds, 'direct', 0.5)),
        ms(p(rounds, 'gateway', 0.5)),
        ms(p(rounds, 'direct', 0.99)),
        ms(p(rounds, 'gateway', 0.99)),
        ms(median(rounds.map((round) => round.cpu))),
      ]),
    }],
    checks: [
      must(`every submission was answered with a prompt_id (${lost.length} were not${lost[0] === undefined ? '' : `: ${lost[0]}`})`, lost.length === 0),
      target(`one caller waits at most 1 ms longer than directly, p50 (${ms(added)} ms)`, added <= 1),
    ],
  };
}

await runAlone(submit, import.meta.main);
