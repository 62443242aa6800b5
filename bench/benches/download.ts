import { setTimeout as sleep } from 'node:timers/promises';
import { Floor } from '../floor/floor.ts';
import { GatewayClient } from '../gateway/client.ts';
import { runAlone } from '../harness/alone.ts';
import { type Bench, must, type Report, target } from '../harness/bench.ts';
import { graph } from '../harness/graph.ts';
import { call } from '../harness/http.ts';
import { drive, median } from '../harness/load.ts';
import { type Gateway, startGateway, startStub, withProcesses } from '../harness/processes.ts';
import { ratio, whole } from '../harness/show.ts';
import { memoryOf } from '../harness/usage.ts';

const sizes = [{ name: '64 KB', bytes: 65_536, count: 400 }, { name: '4 MB', bytes: 4 * 1024 ** 2, count: 60 }, { name: '50 MB', bytes: 50 * 1024 ** 2, count: 8 }] as const;

interface Row {
  readonly size: string;
  /** MB/s of direct, relayed and mirrored, per round. */
  readonly rounds: readonly (readonly number[])[];
  /** RSS in MB of the relaying and the mirroring gateway afterwards. */
  readonly rss: readonly number[];
}

export const download: Bench = {
  name: 'download',
  title: 'Fetching pictures',
  about: 'One file again and again, four callers: from the stub, through a gateway that relays, and from the mirror of a gateway that keeps copies. Rounds alternate.',
  run: ({ quick, profile }) => withProcesses(async (keep) => {
    const stub = await keep(startStub());
    const relay = await keep(startGateway({ comfyui: stub.url, env: { MIRROR_OUTPUTS: 'false' }, profile }));
    const mirror = await keep(startGateway({ comfyui: stub.url }));
    const floor = await Floor.open(stub.url);
    const rows: Row[] = [];
    const lost: string[] = [];
    for (const { name, bytes, count } of sizes) {
      const addresses = [floor.viewUrl(`bench-${bytes}_00000_.png`), await made(relay, bytes), await made(mirror, bytes)];
      await sleep(1_000);
      const rounds: number[][] = [];
      for (let round = -1; round < (quick ? 1 : 3); round += 1) {
        const speeds: number[] = [];
        for (const url of addresses) speeds.push(await speedOf(url, { bytes, count: quick ? Math.ceil(count / 4) : count, lost }));
        if (round >= 0) rounds.push(speeds);
      }
      rows.push({ size: name, rounds, rss: [relay, mirror].map(({ pid }) => memoryOf(pid).rss) });
    }
    floor.close();
    return report(rows, lost);
  }),
};

/** Address of a fresh picture of that size. */
async function made(gateway: Gateway, bytes: number): Promise<string> {
  const client = await GatewayClient.open(gateway.url);
  const { url } = await client.ended(await client.submit(graph({ bytes })));
  client.close();
  if (url === undefined) throw new Error('the job made no picture');
  return `${gateway.url}${url}`;
}

async function speedOf(url: string, { bytes, count, lost }: { bytes: number; count: number; lost: string[] }): Promise<number> {
  const load = await drive({ callers: 4, count }, async () => {
    const answer = await call(url, { discard: true });
    if (answer.status !== 200 || answer.bytes !== bytes) throw new Error(`${url} answered ${answer.status} with ${answer.bytes} bytes`);
  });
  lost.push(...load.lost);
  return (load.rate * bytes) / 1024 ** 2;
}

function report(rows: readonly Row[], lost: readonly string[]): Report {
  const speed = (row: Row, way: number): number => median(row.rounds.map((speeds) => speeds[way] ?? 0));
  const share = (row: Row, way: number): number => median(row.rounds.map((speeds) => (speeds[way] ?? 0) / (speeds[0] ?? 1)));
  const growth = Math.max(...[0, 1].map((at) => (rows.at(-1)?.rss[at] ?? 0) - (rows[0]?.rss[at] ?? 0)));
  const [, ...large] = rows;
  return {
    tables: [{
      head: ['size', 'direct MB/s', 'relayed MB/s', 'of direct', 'mirror MB/s', 'of direct', 'RSS MB relay', 'RSS MB mirror'],
      rows: rows.map((row) => [row.size, whole(speed(row, 0)), whole(speed(row, 1)), ratio(share(row, 1)), whole(speed(row, 2)), ratio(share(row, 2)), whole(row.rss[0] ?? 0), whole(row.rss[1] ?? 0)]),
    }],
    checks: [
      must(`every download was complete (${lost.length} were not${lost[0] === undefined ? '' : `: ${lost[0]}`})`, lost.length === 0),
      must(`four downloads of 50 MB at once hold less than 100 MB more than small ones (${whole(growth)} MB)`, growth < 100),
      ...large.flatMap((row) => [
        target(`${row.size} relayed at 0.45× the stub's own speed or more (${ratio(share(row, 1))})`, share(row, 1) >= 0.45),
        target(`${row.size} from the mirror at 0.8× or more (${ratio(share(row, 2))})`, share(row, 2) >= 0.8),
      ]),
    ],
  };
}

await runAlone(download, import.meta.main);
