import path from 'node:path';
import { mkdir } from 'node:fs/promises';
import { z } from 'zod';
import { AddressFile } from '../alone/address-file.ts';
import { Leases } from '../alone/lease.ts';
import { folder, life, place, runCommand } from '../alone/options.ts';
import { startSandbox, type RunningSandbox } from './server.ts';

const Options = z.object({
  ...place(8188),
  data: folder('data/sandbox', 'where input, output and temp live'),
  ...life,
});
type Options = z.infer<typeof Options>;

const SIGN = { path: '/system_stats', says: z.object({ system: z.object({ sandbox: z.literal(true) }) }) };

const say = (line: string): void => { process.stdout.write(`${line}\n`); };

async function main(given: Options): Promise<void> {
  const addressFile = given['address-file'] === undefined ? undefined : new AddressFile(given['address-file'], SIGN);
  const other = await addressFile?.live();
  if (other === undefined) await run(given, addressFile);
  else say(`A ComfyUI sandbox already runs at ${other}`);
}

async function run(given: Options, addressFile: AddressFile | undefined): Promise<void> {
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

const about = 'A ComfyUI sandbox: speaks the wire protocol of ComfyUI 0.3.64 and runs picture graphs. Not a diffusion model.';
await runCommand({ about, call: 'npm run sandbox', options: Options }, main);
