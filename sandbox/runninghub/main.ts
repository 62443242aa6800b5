import path from 'node:path';
import { mkdir } from 'node:fs/promises';
import { z } from 'zod';
import { AddressFile } from '../alone/address-file.ts';
import { Leases } from '../alone/lease.ts';
import { life, milliseconds, place, port, runCommand } from '../alone/options.ts';
import { startRunningHubSandbox } from './server.ts';

const Options = z.object({
  ...place(8189),
  'files-port': port(0, 'port of the host that serves files, 0 for any free one'),
  'queue-ms': milliseconds(500, 'how long a task is queued'),
  'run-ms': milliseconds(3_000, 'how long a task runs'),
  ...life,
});
type Options = z.infer<typeof Options>;

const SIGN = { path: '/sandbox', says: z.object({ sandbox: z.literal('runninghub') }) };

const say = (line: string): void => { process.stdout.write(`${line}\n`); };

async function main(given: Options): Promise<void> {
  const addressFile = given['address-file'] === undefined ? undefined : new AddressFile(given['address-file'], SIGN);
  const other = await addressFile?.live();
  if (other === undefined) await run(given, addressFile);
  else say(`A RunningHub sandbox already runs at ${other}`);
}

async function run(given: Options, addressFile: AddressFile | undefined): Promise<void> {
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

const about = 'A RunningHub sandbox: speaks the open API of RunningHub and makes small test pictures. Nothing is billed.';
await runCommand({ about, call: 'npm run sandbox:runninghub', options: Options }, main);
