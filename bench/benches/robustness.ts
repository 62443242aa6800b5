import { setTimeout as sleep } from 'node:timers/promises';
import { Floor } from '../floor/floor.ts';
import { GatewayClient } from '../gateway/client.ts';
import { runAlone } from '../harness/alone.ts';
import { type Bench, type Check, must } from '../harness/bench.ts';
import { graph } from '../harness/graph.ts';
import { call, fields, json } from '../harness/http.ts';
import { drive, percentile } from '../harness/load.ts';
import { type Gateway, type Running, startGateway, startStub, withProcesses } from '../harness/processes.ts';
import { ms, whole } from '../harness/show.ts';

interface Found {
  readonly row: readonly string[];
  readonly check: Check;
}

/** Figures of Salad's comfyui-api 1.18.0, measured on two cores beside a stub of the same kind. */
const peer = { burst: '63 of 200 never answered', parallel: '14 of 200 never answered', dropped: '5 of 5 never answered', cancel: 'reported success; the job ran' } as const;

export const robustness: Bench = {
  name: 'robustness',
  title: 'Where gateways lose jobs',
  about: "Situations in which a gateway can lose or misreport a job. The last column: what was measured of Salad's comfyui-api 1.18.0 in the same situation on two cores, at another time; the counts compare, not the speed. A job counts as lost after 8 s.",
  run: ({ quick, profile }) => withProcesses(async (keep) => {
    const count = quick ? 128 : 300;
    const found: Found[] = [];
    const serial = await keep(startStub());
    const gateway = await keep(startGateway({ comfyui: serial.url, profile }));
    found.push(await crowd(gateway, { what: `64 callers, ComfyUI runs one job after the other, instant, n=${count}`, callers: 64, count, peers: peer.burst }));
    found.push(await dropped(serial, gateway));
    found.push(await cancelled(serial, gateway));
    const parallel = await keep(startStub({ parallel: true }));
    const beside = await keep(startGateway({ comfyui: parallel.url }));
    found.push(await crowd(beside, { what: `16 callers, ComfyUI runs all at once, 2 ms, n=${count}`, callers: 16, count, milliseconds: 2, peers: peer.parallel }));
    return { tables: [{ head: ['situation', 'here', 'peer'], rows: found.map(({ row }) => row) }], checks: found.map(({ check }) => check) };
  }),
};

async function crowd(gateway: Gateway, { what, callers, count, milliseconds = 0, peers }: { what: string; callers: number; count: number; milliseconds?: number; peers: string }): Promise<Found> {
  const client = await GatewayClient.open(gateway.url);
  const load = await drive({ callers, count, limit: 8_000 }, async () => void (await client.job(graph({ milliseconds }))));
  client.close();
  const here = `${load.lost.length} of ${count} lost, p99 ${ms(percentile(load.times, 0.99))} ms`;
  return { row: [what, here, peers], check: must(`${what}: none lost (${load.lost.length}${load.lost[0] === undefined ? '' : `: ${load.lost[0]}`})`, load.lost.length === 0) };
}

/** Cuts the event socket under the gateway and submits at once. Until it is connected again the gateway may answer 503, which a caller repeats. */
async function dropped(stub: Running, gateway: Gateway): Promise<Found> {
  const client = await GatewayClient.open(gateway.url);
  const { dropped: sockets } = await json(`${stub.url}/bench/drop`, { method: 'POST', body: '{}' });
  let refused = 0;
  const load = await drive({ callers: 5, count: 5, limit: 8_000 }, async () => {
    for (let refusals = await attempt(client); refusals > 0; refusals = await attempt(client)) {
      refused += 1;
      await sleep(50);
    }
  });
  client.close();
  const slowest = load.times.at(-1) ?? Number.NaN;
  return {
    row: ['event socket cut, then 5 jobs', `${load.times.length} of 5 answered, slowest ${ms(slowest)} ms, ${refused} calls told to repeat`, peer.dropped],
    check: must(`after ${String(sockets)} cut socket all 5 jobs were answered (${load.times.length}${load.lost[0] === undefined ? '' : `: ${load.lost[0]}`})`, load.times.length === 5 && sockets === 1),
  };
}

/** One job; 1 when the gateway said that it cannot take it now. */
async function attempt(client: GatewayClient): Promise<number> {
  try {
    await client.job(graph());
    return 0;
  } catch (error) {
    if (error instanceof Error && error.message.includes('answered 503')) return 1;
    throw error;
  }
}

/** A prompt that waits behind another is stopped: it must leave the queue, be told as interrupted and never run. */
async function cancelled(stub: Running, gateway: Gateway): Promise<Found> {
  const client = await GatewayClient.open(gateway.url);
  const floor = await Floor.open(stub.url);
  await floor.submit(graph({ milliseconds: 1_500 }));
  const promptId = await client.submit(graph());
  const ended = client.ended(promptId);
  const answer = await json(`${gateway.url}/api/v1/workflows/interrupt`, { method: 'POST', body: JSON.stringify({ prompt_id: promptId }) });
  const { outcome } = fields(Array.isArray(answer['results']) ? answer['results'][0] : undefined);
  const ending = await Promise.race([ended, sleep(8_000, { type: 'nothing', url: undefined })]);
  await sleep(2_000);
  const began: unknown = JSON.parse((await call(`${stub.url}/bench/began`)).body.toString());
  const ran = Array.isArray(began) && began.includes(promptId);
  client.close();
  floor.close();
  return {
    row: ['waiting prompt cancelled', `${String(outcome)}, told ${ending.type}, ${ran ? 'ran' : 'never ran'}`, peer.cancel],
    check: must(`a cancelled prompt is removed, told so, and never runs (${whole(Number(ran))} ran)`, outcome === 'removed' && ending.type === 'execution_interrupted' && !ran),
  };
}

await runAlone(robustness, import.meta.main);
