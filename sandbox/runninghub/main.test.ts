import { spawn, type ChildProcess } from 'node:child_process';
import { once, type EventEmitter } from 'node:events';
import { mkdtemp, readFile, rm, stat } from 'node:fs/promises';
import os from 'node:os';
import path from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';

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

  it('ends when the first lease does not come', async () => {
    const { ended } = await run('--leased', '--first-lease-ms', '50');
    expect(await ended).toEqual([0, null]);
  });
});
