import { spawn, type ChildProcess } from 'node:child_process';
import { once, type EventEmitter } from 'node:events';
import { createServer } from 'node:net';
import { mkdtemp, readFile, rm, stat } from 'node:fs/promises';
import os from 'node:os';
import path from 'node:path';
import { text as words } from 'node:stream/consumers';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { z } from 'zod';

let addressFile: string;
let folder: string;
const started: ChildProcess[] = [];

beforeEach(async () => {
  folder = await mkdtemp(path.join(os.tmpdir(), 'runninghub-main-'));
  addressFile = path.join(folder, 'address.json');
});

afterEach(async () => {
  for (const child of started.splice(0)) child.kill('SIGKILL');
  await rm(folder, { recursive: true, force: true });
});

/** Resolves with the first line the process prints. */
async function run(...more: string[]): Promise<{ child: ChildProcess; line: string; ended: Promise<unknown[]> }> {
  const child = spawn(process.execPath, [path.join(import.meta.dirname, 'main.ts'), '--port', '0', '--address-file', addressFile, ...more]);
  started.push(child);
  const ended = once(child, 'exit');
  return { child, line: String(await first(child.stdout, 'data')).trim(), ended };
}

/** The first argument of the next such event. */
const first = (emitter: EventEmitter, event: string): Promise<unknown> => new Promise((resolve) => emitter.once(event, resolve));

/** What a process says that ends by itself. */
async function ending(...options: string[]): Promise<{ code: number | null; out: string; fault: string }> {
  const child = spawn(process.execPath, [path.join(import.meta.dirname, 'main.ts'), ...options]);
  started.push(child);
  const ended = once(child, 'exit');
  const [out, fault] = await Promise.all([words(child.stdout), words(child.stderr)]);
  await ended;
  return { code: child.exitCode, out, fault };
}

const urlOf = (line: string): string => line.replace(/^.* at /, '');

describe('the command line', () => {
  it('says where it listens, writes the address file, does not start a second one, and removes the file at the end', async () => {
    const { child, line, ended } = await run();
    expect(line).toMatch(/^RunningHub sandbox \(nothing is billed\) at http:\/\/127\.0\.0\.1:\d+$/);
    expect(JSON.parse(await readFile(addressFile, 'utf8'))).toEqual({ url: urlOf(line), pid: child.pid });
    expect((await run()).line).toBe(`A RunningHub sandbox already runs at ${urlOf(line)}`);
    expect((await fetch(`${urlOf(line)}/sandbox/knobs`)).headers.get('content-type')).toContain('json');
    expect(await (await fetch(`${urlOf(line)}/sandbox/knobs`)).json()).toMatchObject({ code: 412 });
    child.kill('SIGTERM');
    expect(await ended).toEqual([0, null]);
    await expect(stat(addressFile)).rejects.toThrow('ENOENT');
  });

  it('has knobs when asked, and dies when told to', async () => {
    const { line, ended } = await run('--knobs', '--run-ms', '7');
    expect(await (await fetch(`${urlOf(line)}/sandbox/knobs`)).json()).toMatchObject({ runMs: 7 });
    await expect(fetch(`${urlOf(line)}/sandbox/knobs`, { method: 'PUT', body: '{"die": true}' })).rejects.toThrow();
    expect(await ended).toEqual([1, null]);
  });

  it('has a help that shows how npm calls it, and every option', async () => {
    const { code, out } = await ending('--help', '--port', 'abc');
    expect(code).toBe(0);
    expect(out).toContain('\nnpm run sandbox:runninghub -- [options]\n');
    expect(out).toMatch(/^ {2}--files-port P {7}port .* \(default 0\)$/m);
    expect(out).toMatch(/^ {2}--knobs {14}allow \S+ and \S+$/m);
  });

  it('says in one line what is wrong with its options', async () => {
    expect(await ending('--queue-ms', '600001')).toEqual({ code: 1, out: '', fault: '--queue-ms is "600001"; allowed: 0 to 600000.\n' });
    expect(await ending('--run', '7')).toMatchObject({ code: 1, fault: 'There is no option --run; --help lists those that there are.\n' });
  });

  it.each(['--port', '--files-port'])('says in one line that the port of %s is in use, and leaves nothing running', async (option) => {
    const taken = createServer().listen(0, '127.0.0.1');
    await once(taken, 'listening');
    const { port } = z.object({ port: z.number() }).parse(taken.address());
    const { code, fault } = await ending('--port', '0', '--leased', option, String(port));
    taken.close();
    expect([code, fault]).toEqual([1, `Port ${port} on 127.0.0.1 is in use; choose another one with ${option}, or 0 for any.\n`]);
  });

  it('ends when the first lease does not come', async () => {
    const { ended } = await run('--leased', '--first-lease-ms', '50');
    expect(await ended).toEqual([0, null]);
  });
});
