import path from 'node:path';
import { mkdir } from 'node:fs/promises';
import { parseArgs } from 'node:util';
import { z } from 'zod';
import { AddressFile } from '../alone/address-file.ts';
import { Leases } from '../alone/lease.ts';
import { startRunningHubSandbox } from './server.ts';

const HELP = `A RunningHub sandbox: speaks the open API of RunningHub and makes small test pictures. Nothing is billed.

node sandbox/runninghub/main.ts [options]
  --host H             address to listen on (default 127.0.0.1)
  --port P             port, 0 for any free one (default 8189)
  --files-port P       port of the host that serves files (default 0: any free one)
  --queue-ms N         how long a task is queued (default 500)
  --run-ms N           how long a task runs (default 3000)
  --address-file FILE  write {url, pid} there; exit at once if it already names a live sandbox
  --leased             live only while somebody holds GET /sandbox/lease open
  --first-lease-ms N   how long the first lease may take to come (default 15000)
  --lease-grace-ms N   how long to live on without any lease (default 5000)
  --knobs              allow /sandbox/knobs and /sandbox/counters
  --help               this text
`;

const port = z.coerce.number().int().min(0).max(65_535);
const Arguments = z.object({
  host: z.string().default('127.0.0.1'),
  port: port.default(8189),
  'files-port': port.default(0),
  'queue-ms': z.coerce.number().min(0).default(500),
  'run-ms': z.coerce.number().min(0).default(3_000),
  'address-file': z.string().optional(),
  leased: z.boolean().default(false),
  'first-lease-ms': z.coerce.number().int().min(1).default(15_000),
  'lease-grace-ms': z.coerce.number().int().min(1).default(5_000),
  knobs: z.boolean().default(false),
  help: z.boolean().default(false),
});
type Arguments = z.infer<typeof Arguments>;

const SIGN = { path: '/sandbox', says: z.object({ sandbox: z.literal('runninghub') }) };

const say = (line: string): void => { process.stdout.write(`${line}\n`); };

function readArguments(): Arguments {
  const text = { type: 'string' } as const;
  const flag = { type: 'boolean' } as const;
  const { values } = parseArgs({
    options: {
      host: text, port: text, 'files-port': text, 'queue-ms': text, 'run-ms': text, 'address-file': text,
      leased: flag, 'first-lease-ms': text, 'lease-grace-ms': text, knobs: flag, help: flag,
    },
  });
  return Arguments.parse(values);
}

async function main(): Promise<void> {
  const given = readArguments();
  if (given.help) {
    process.stdout.write(HELP);
    return;
  }
  const addressFile = given['address-file'] === undefined ? undefined : new AddressFile(given['address-file'], SIGN);
  const other = await addressFile?.live();
  if (other !== undefined) {
    say(`A RunningHub sandbox already runs at ${other}`);
    return;
  }
  await run(given, addressFile);
}

async function run(given: Arguments, addressFile: AddressFile | undefined): Promise<void> {
  let end: (reason: string) => void = () => undefined;
  const ended = new Promise<string>((resolve) => { end = resolve; });
  const leases = given.leased
    ? new Leases({ firstMs: given['first-lease-ms'], graceMs: given['lease-grace-ms'] }, () => { end('nobody holds a lease'); })
    : undefined;
  for (const signal of ['SIGTERM', 'SIGINT'] as const) process.once(signal, () => { end(signal); });
  const sandbox = await startRunningHubSandbox({
    host: given.host, port: given.port, filesPort: given['files-port'], knobs: { queueMs: given['queue-ms'], runMs: given['run-ms'] },
    knobsOverHttp: given.knobs, die: () => process.exit(1), ...(leases && { leases }),
  });
  if (given['address-file'] !== undefined) await mkdir(path.dirname(path.resolve(given['address-file'])), { recursive: true });
  await addressFile?.write(sandbox.url);
  say(`RunningHub sandbox (nothing is billed) at ${sandbox.url}`);
  say(`RunningHub sandbox stops: ${await ended}`);
  leases?.stop();
  await addressFile?.remove();
  await sandbox.close();
}

try {
  await main();
} catch (error) {
  process.stderr.write(`${error instanceof z.ZodError ? z.prettifyError(error) : String(error)}\n`);
  process.exitCode = 1;
}
