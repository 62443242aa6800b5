import { spawn } from 'node:child_process';
import { EventEmitter, once } from 'node:events';
import { setTimeout as pause } from 'node:timers/promises';
import { describe, expect, it } from 'vitest';
import { memoryLog } from '../../tests/support/http-app.ts';
import { createShutdown } from './shutdown.ts';

function prepare(graceMs = 1_000) {
  const signals = new EventEmitter();
  const codes: number[] = [];
  const { log, lines } = memoryLog();
  const clock = { time: 0 };
  const shutdown = createShutdown({ graceMs, log, signals, exit: (code) => void codes.push(code), now: () => clock.time });
  return { clock, shutdown, signals, codes, lines, did: [] as string[] };
}

describe('shutdown', () => {
  it('ends what was opened last first, and leaves with 0', async () => {
    const { shutdown, codes, did } = prepare();
    shutdown.add('database', async () => void did.push('database'));
    shutdown.add('server', async () => { await pause(10); did.push('server'); });
    await shutdown.start('test');
    expect(did).toEqual(['server', 'database']);
    expect(codes).toEqual([0]);
  });

  it.each(['SIGTERM', 'SIGINT'])('begins with %s, once', async (signal) => {
    const { shutdown, signals, codes, did } = prepare();
    shutdown.add('one', async () => void did.push('one'));
    signals.emit(signal);
    expect(shutdown.begun.aborted).toBe(true);
    await shutdown.start('again');
    expect(did).toEqual(['one']);
    expect(codes).toEqual([0]);
  });

  it.each([['SIGINT', 130], ['SIGTERM', 143]])('is cut short by a second signal: %s leaves with %i', (signal, code) => {
    const { shutdown, signals, codes, clock } = prepare();
    shutdown.add('slow', () => pause(500));
    signals.emit('SIGTERM');
    clock.time = 301;
    signals.emit(signal);
    expect(codes).toEqual([code]);
  });

  it('is not cut short by the echo of the first signal, as when npm passes on what the terminal sent to all', async () => {
    const { shutdown, signals, codes, clock } = prepare();
    shutdown.add('slow', () => pause(20));
    signals.emit('SIGINT');
    clock.time = 10;
    signals.emit('SIGINT');
    await shutdown.start('again');
    expect(codes).toEqual([0]);
  });

  it('names a step that fails, does the others, and leaves with 1', async () => {
    const { shutdown, codes, lines, did } = prepare();
    shutdown.add('first', async () => void did.push('first'));
    shutdown.add('broken', async () => { throw new TypeError('no'); });
    shutdown.add('throws at once', () => { throw new TypeError('no'); });
    await shutdown.start('test');
    expect(did).toEqual(['first']);
    expect(lines.filter((line) => line.level === 'error').map((line) => line.message)).toEqual([expect.stringContaining('"throws at once"'), expect.stringContaining('"broken"')]);
    expect(codes).toEqual([1]);
  });

  it('tells a step when the grace time is over, names one that hangs, and goes on', async () => {
    const { shutdown, codes, lines, did } = prepare(50);
    shutdown.add('database', async () => void did.push('database'));
    shutdown.add('hangs', (signal) => new Promise(() => signal.addEventListener('abort', () => did.push('told'))));
    const began = performance.now();
    await shutdown.start('test');
    expect(performance.now() - began).toBeLessThan(2_000);
    expect(did).toEqual(['told', 'database']);
    expect(lines.some((line) => line.level === 'error' && line.message.includes('"hangs"'))).toBe(true);
    expect(codes).toEqual([1]);
  });

  it('ends a real process on a real signal', async () => {
    const program = `
      import { createShutdown } from ${JSON.stringify(new URL('./shutdown.ts', import.meta.url).href)};
      const say = () => {};
      const shutdown = createShutdown({ graceMs: 1000, log: { info: say, warn: say, error: say } });
      const timer = setInterval(say, 1000);
      shutdown.add('timer', async () => { clearInterval(timer); process.stdout.write('ended'); });
      process.stdout.write('ready ');
    `;
    const child = spawn(process.execPath, ['--input-type=module', '-e', program], { stdio: ['ignore', 'pipe', 'inherit'] });
    let told = '';
    child.stdout.on('data', (chunk: Buffer) => {
      told += String(chunk);
      if (told === 'ready ') child.kill('SIGTERM');
    });
    const [code] = (await once(child, 'exit')) as [number];
    expect([told, code]).toEqual(['ready ended', 0]);
  });
});
