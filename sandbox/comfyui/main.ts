import path from 'node:path';
import { mkdir } from 'node:fs/promises';
import { parseArgs } from 'node:util';
import { z } from 'zod';
import { AddressFile } from '../alone/address-file.ts';
import { Leases } from '../alone/lease.ts';
import { startSandbox, type RunningSandbox } from './server.ts';

const HELP = `A ComfyUI sandbox: speaks the wire protocol of ComfyUI 0.3.64 and runs picture graphs. Not a diffusion model.

node sandbox/comfyui/main.ts [options]
  --host H             address to listen on (default 127.0.0.1)
  --port P             port, 0 for any free one (default 8188)
  --data DIR           where input, output and temp live (default data/sandbox)
  --address-file FILE  write {url, pid} there; exit at once if it already names a live sandbox
  --leased             live only while somebody holds GET /sandbox/lease open
  --first-lease-ms N   how long the first lease may take to come (default 15000)
  --lease-grace-ms N   how long to live on without any lease (default 5000)
  --knobs              allow /sandbox/knobs and /sandbox/counters
  --help               this text
`;

const Arguments = z.object({
  host: z.string().default('127.0.0.1'),
  port: z.coerce.number().int().min(0).max(65_535).default(8188),
  data: z.string().default('data/sandbox'),
  'address-file': z.string().optional(),
  leased: z.boolean().default(false),
  'first-lease-ms': z.coerce.number().int().min(1).default(15_000),
  'lease-grace-ms': z.coerce.number().int().min(1).default(5_000),
  knobs: z.boolean().default(false),
  help: z.boolean().default(false),
});
type Arguments = z.infer<typeof Arguments>;

const SIGN = { path: '/system_stats', says: z.object({ system: z.object({ sandbox: z.literal(true) }) }) };

const say = (line: string): void => { process.stdout.write(`${line}\n`); };

function readArguments(): Arguments {
  const text = { type: 'string' } as const;
  const flag = { type: 'boolean' } as const;
  const { values } = parseArgs({
    options: {
      host: text, port: text, data: text, 'address-file': text, leased: flag, 'first-lease-ms': text, 'lease-grace-ms': text, knobs: flag, help: flag,
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
    say(`A ComfyUI sandbox already runs at ${other}`);
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
  const sandbox = await startSandbox({
    host: given.host, port: given.port, dataDir: given.data, knobsOverHttp: given.knobs, die: () => process.exit(1), ...(leases && { leases }),
  });
  await announce(sandbox, { addressFile, path: given['address-file'] });
  say(`ComfyUI sandbox stops: ${await ended}`);
  leases?.stop();
  await addressFile?.remove();
  await sandbox.close();
}

async function announce(sandbox: RunningSandbox, { addressFile, path: file }: { addressFile: AddressFile | undefined; path: string | undefined }): Promise<void> {
  if (addressFile && file !== undefined) {
    await mkdir(path.dirname(path.resolve(file)), { recursive: true });
    await addressFile.write(sandbox.url);
  }
  say(`ComfyUI sandbox (not a diffusion model) at ${sandbox.url}`);
}

try {
  await main();
} catch (error) {
  process.stderr.write(`${error instanceof z.ZodError ? z.prettifyError(error) : String(error)}\n`);
  process.exitCode = 1;
}
