import { spawn, type ChildProcess } from 'node:child_process';
import { once, type EventEmitter } from 'node:events';
import { get } from 'node:http';
import { mkdtemp, readFile, rm, stat, writeFile } from 'node:fs/promises';
import os from 'node:os';
import path from 'node:path';
import { text as words } from 'node:stream/consumers';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';

let folder: string;
let addressFile: string;
const started: ChildProcess[] = [];

beforeEach(async () => {
  folder = await mkdtemp(path.join(os.tmpdir(), 'sandbox-main-'));
  addressFile = path.join(folder, 'address.json');
});

afterEach(async () => {
  for (const child of started.splice(0)) child.kill('SIGKILL');
  await rm(folder, { recursive: true, force: true });
});

interface Running {
  readonly child: ChildProcess;
  readonly line: string;
  readonly ended: Promise<unknown[]>;
}

/** Resolves with the first line the process prints. */
async function run(...more: string[]): Promise<Running> {
  const child = spawn(process.execPath, [path.join(import.meta.dirname, 'main.ts'), '--port', '0', '--data', folder, '--address-file', addressFile, ...more]);
  started.push(child);
  const ended = once(child, 'exit');
  return { child, line: String(await first(child.stdout, 'data')).trim(), ended };
}

/** The first argument of the next such event. */
const first = (emitter: EventEmitter, event: string): Promise<unknown> => new Promise((resolve) => emitter.once(event, resolve));

/** What a process says that ends by itself. */
async function ending(...options: string[]): Promise<{ code: number | null; out: string; fault: string }> {
  const child = spawn(process.execPath, [path.join(import.meta.dirname, 'main.ts'), '--data', folder, ...options]);
  started.push(child);
  const ended = once(child, 'exit');
  const [out, fault] = await Promise.all([words(child.stdout), words(child.stderr)]);
  await ended;
  return { code: child.exitCode, out, fault };
}

const urlOf = (line: string): string => line.replace(/^.* at /, '');

describe('the command line', () => {
  it('says where it listens, writes the address file and removes it at the end', async () => {
    const { child, line, ended } = await run();
    expect(line).toMatch(/^ComfyUI sandbox \(not a diffusion model\) at http:\/\/127\.0\.0\.1:\d+$/);
    expect(JSON.parse(await readFile(addressFile, 'utf8'))).toEqual({ url: urlOf(line), pid: child.pid });
    const stats: unknown = await (await fetch(`${urlOf(line)}/system_stats`)).json();
    expect(stats).toMatchObject({ system: { comfyui_version: '0.3.64', sandbox: true }, devices: [{ name: 'SANDBOX (no diffusion model)' }] });
    child.kill('SIGTERM');
    expect(await ended).toEqual([0, null]);
    await expect(stat(addressFile)).rejects.toThrow('ENOENT');
  });

  it('does not start a second one beside a live one', async () => {
    const first = await run();
    const second = await run();
    expect(second.line).toBe(`A ComfyUI sandbox already runs at ${urlOf(first.line)}`);
    expect(await second.ended).toEqual([0, null]);
  });

  it('is not held back by an address file that names nobody', async () => {
    await writeFile(addressFile, JSON.stringify({ url: 'http://127.0.0.1:1', pid: 1 }));
    expect((await run()).line).toContain('not a diffusion model');
  });

  it('has no knobs unless asked', async () => {
    expect((await fetch(`${urlOf((await run()).line)}/sandbox/knobs`)).status).toBe(404);
  });

  it('dies when told to', async () => {
    const { line, ended } = await run('--knobs');
    await expect(fetch(`${urlOf(line)}/sandbox/knobs`, { method: 'PUT', body: '{"die": true}' })).rejects.toThrow();
    expect(await ended).toEqual([1, null]);
  });

  it('has a help that shows how npm calls it', async () => {
    const { code, out } = await ending('--help');
    expect(code).toBe(0);
    expect(out).toContain('\nnpm run sandbox -- [options]\n');
    expect(out).toMatch(/^ {2}--data DIR {11}.* \(default data\/sandbox\)$/m);
  });

  it.each([
    [['--port', 'abc'], '--port is "abc"; allowed: 0 to 65535.'],
    [['--port', '-1'], '--port is "-1"; allowed: 0 to 65535.'],
    [['--port=70000', '--host='], '--host is ""; allowed: an address or name of this machine.\n--port is "70000"; allowed: 0 to 65535.'],
    [['--first-lease-ms', '0'], '--first-lease-ms is "0"; allowed: 1 to 86400000.'],
    [['--foo', '5'], 'There is no option --foo; --help lists those that there are.'],
    [['--data', '--knobs'], '--data needs a value: --data DIR'],
    [['--knobs=yes'], '--knobs takes no value.'],
    [['start'], '"start" is not understood; --help lists the options.'],
    [['--port', '0', '--host', '192.0.2.1'], '--host is "192.0.2.1"; allowed: an address or name of this machine (EADDRNOTAVAIL).'],
  ])('tells in one line what is wrong with %j', async (options, fault) => {
    expect(await ending(...options)).toEqual({ code: 1, out: '', fault: `${fault}\n` });
  });

  it('tells in one line that its port is in use', async () => {
    const { line } = await run();
    const { port } = new URL(urlOf(line));
    expect(await ending('--port', port)).toMatchObject({ code: 1, fault: `Port ${port} on 127.0.0.1 is in use; choose another one with --port, or 0 for any.\n` });
  });
});

describe('a leased sandbox', () => {
  it('ends when the first lease does not come', async () => {
    const { ended } = await run('--leased', '--first-lease-ms', '50');
    expect(await ended).toEqual([0, null]);
  });

  it('lives while leases are open and ends when the last one breaks off', async () => {
    const { line, child, ended } = await run('--leased', '--lease-grace-ms', '50');
    const holders = [get(`${urlOf(line)}/sandbox/lease`), get(`${urlOf(line)}/sandbox/lease`)];
    for (const holder of holders) {
      holder.on('error', () => undefined);
      expect(await first(holder, 'response')).toMatchObject({ statusCode: 200 });
    }
    holders[0]?.destroy();
    expect((await fetch(`${urlOf(line)}/prompt`)).status).toBe(200);
    expect(child.exitCode).toBeNull();
    holders[1]?.destroy();
    expect(await ended).toEqual([0, null]);
    await expect(stat(addressFile)).rejects.toThrow('ENOENT');
  });
});
