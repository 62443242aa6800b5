import { mkdtemp, mkdir, readdir, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { PassThrough } from 'node:stream';
import { setTimeout as pause } from 'node:timers/promises';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { fail } from './errors.ts';
import { createLogging, withRequestId, type LoggingOptions } from './logger.ts';

let folder: string;
beforeEach(async () => { folder = await mkdtemp(join(tmpdir(), 'logs-')); });
afterEach(() => rm(folder, { recursive: true, force: true }));

function open(options: Partial<LoggingOptions> = {}, terminal = false) {
  const output = Object.assign(new PassThrough(), { isTTY: terminal });
  const logging = createLogging({ LOG_LEVEL: 'info', LOG_DIR: folder, LOG_RETENTION_DAYS: 3, API_KEYS: [{ name: 'a', key: 'very-secret-key', admin: false }], comfyuiUrls: ['http://user:pass%20word@host:8188'], output, ...options });
  return { logging, console: (): string => String(output.read() ?? '') };
}

type Line = Record<string, unknown>;
const parse = (text: string): Line[] => text.split('\n').filter(Boolean).map((line) => JSON.parse(line) as Line);
const linesOf = async (...path: string[]): Promise<Line[]> => parse(await readFile(join(folder, ...path), 'utf8'));
const hourly = async (service: string): Promise<string> => (await readdir(join(folder, service)))[0] ?? '';

describe('log files', () => {
  it('keep a line under its service and hour, and in app.log with everything', async () => {
    const { logging } = open();
    logging.logger('main').info('started', { port: 8000 });
    logging.logger('router').warn('slow');
    await logging.close();
    expect(await hourly('main')).toMatch(/^\d{10}\.log$/);
    expect(await linesOf('main', await hourly('main'))).toEqual([expect.objectContaining({ level: 'info', service: 'main', message: 'started', port: 8000 })]);
    expect(await linesOf('router', await hourly('router'))).toEqual([expect.objectContaining({ level: 'warn', message: 'slow' })]);
    expect((await linesOf('app.log')).map((line) => line['message'])).toEqual(['started', 'slow']);
  });

  it('are there for every service, with the audit files out of sight', async () => {
    const { logging } = open();
    await logging.close();
    expect((await readdir(folder)).filter((name) => !name.startsWith('app')).sort()).toEqual(['.audit', 'comfyui_client', 'main', 'router', 'runninghub_client', 'task_manager']);
  });

  it('let app.log lead to the newest of a bounded number of files', async () => {
    const { logging } = open({ appLogBytes: 2_048 });
    for (let n = 0; n < 400; n += 1) {
      logging.logger('main').info(`line ${n} ${'x'.repeat(200)}`);
      if (n % 20 === 0) await pause(2);
    }
    await logging.close();
    const kept = (await readdir(folder)).filter((name) => name.startsWith('app-'));
    expect(kept.length).toBeGreaterThan(2);
    expect(kept.length).toBeLessThanOrEqual(11);
    expect((await linesOf('app.log')).at(-1)?.['message']).toMatch(/^line 399/);
  });

  it('lose nothing that was written before close', async () => {
    const { logging } = open();
    for (let n = 0; n < 5_000; n += 1) logging.logger('comfyui_client').info(`n ${n}`);
    await logging.close();
    expect((await linesOf('comfyui_client', await hourly('comfyui_client'))).length).toBe(5_000);
  });

  it('take no lines after close, and the console still does', async () => {
    const { logging, console } = open();
    await logging.close();
    logging.logger('main').info('late');
    expect(console()).toContain('late');
    expect(await linesOf('app.log')).toEqual([]);
  });
});

describe('a folder that cannot be written', () => {
  it('gives one warning, and lines go to the console', async () => {
    await writeFile(join(folder, 'file'), '');
    const { logging, console } = open({ LOG_DIR: join(folder, 'file') });
    logging.logger('main').info('still here');
    await pause(50);
    logging.logger('main').info('and here');
    const lines = parse(console());
    expect(lines.filter((line) => line['level'] === 'warn')).toEqual([expect.objectContaining({ message: expect.stringContaining('LOG_DIR') as string })]);
    expect(lines.map((line) => line['message'])).toEqual(expect.arrayContaining(['still here', 'and here']));
    await logging.close();
  });

  it('is told too when only a file cannot be opened', async () => {
    const day = new Date();
    const stamp = `${day.getFullYear()}${String(day.getMonth() + 1).padStart(2, '0')}${String(day.getDate()).padStart(2, '0')}`;
    await mkdir(join(folder, `app-${stamp}.log`));
    const { logging, console } = open({ appLogBytes: 1_000_000 });
    await pause(50);
    logging.logger('main').info('goes on');
    await logging.close();
    expect(parse(console()).filter((line) => line['level'] === 'warn')).toHaveLength(1);
    expect((await linesOf('main', await hourly('main'))).map((line) => line['message'])).toContain('goes on');
  });
});

describe('a line', () => {
  it('below the level costs no look at its fields', async () => {
    const { logging, console } = open();
    const fields = { get costly(): string { throw new TypeError('looked at'); } };
    logging.logger('main').http('GET /', fields);
    logging.logger('main').debug('x', fields);
    expect(console()).toBe('');
    await logging.close();
  });

  it('carries the request id through awaits', async () => {
    const { logging, console } = open();
    await withRequestId('req-7', async () => {
      await pause(1);
      logging.logger('main').info('inside');
    });
    logging.logger('main').info('outside');
    expect(parse(console()).map((line) => line['request_id'])).toEqual(['req-7', undefined]);
    await logging.close();
  });

  it('tells an error with code, stack and causes', async () => {
    const { logging, console } = open();
    const error = fail('UPSTREAM_ERROR', 'it said 500', { cause: new TypeError('socket', { cause: new RangeError('deepest') }) });
    logging.logger('main').error('failed', { error });
    const [line] = parse(console());
    expect(line?.['error']).toMatchObject({ name: 'GatewayError', code: 'UPSTREAM_ERROR', message: expect.stringContaining('it said 500') as string, stack: expect.stringContaining('logger.test') as string, cause: { name: 'TypeError', message: 'socket', cause: { message: 'deepest' } } });
    await logging.close();
  });

  it('keeps its own level, service and message when fields have the same names', async () => {
    const { logging, console } = open();
    logging.logger('main').info('real', { message: 'false', level: 'debug', service: 'x' });
    expect(parse(console())[0]).toMatchObject({ message: 'real', level: 'info', service: 'main' });
    await logging.close();
  });

  it('survives what JSON cannot say: cycles, big integers, raw numbers, functions', async () => {
    const { logging, console } = open();
    const cycle: Record<string, unknown> = { big: 2n ** 64n, raw: JSON.rawJSON('18446744073709551615'), bytes: Buffer.alloc(9), date: new Date(0), map: new Map([['a', 1]]), deed: () => 1 };
    cycle['self'] = cycle;
    logging.logger('main').info('odd', { cycle });
    const text = console();
    expect(text).toContain('"raw":18446744073709551615');
    expect(parse(text)[0]?.['cycle']).toMatchObject({ big: '18446744073709551616', bytes: '[9 bytes]', date: '1970-01-01T00:00:00.000Z', map: { a: 1 }, self: '[circular]' });
    await logging.close();
  });
});

describe('secrets', () => {
  it.each(['authorization', 'Authorization', 'x-api-key', 'cookie', 'Set-Cookie', 'token', 'ticket', 'password', 'secret', 'clientSecret', 'api_key', 'api_key_comfy_org', 'auth_token_comfy_org', 'accessToken', 'apiKey'])('are hidden in the field %s at any depth', async (field) => {
    const { logging, console } = open();
    logging.logger('main').info('x', { [field]: 'hush', deep: [{ er: { [field]: { inner: 'hush' } } }] });
    expect(console()).not.toContain('hush');
    await logging.close();
  });

  it.each([
    ['a configured key in a message', 'called with very-secret-key today', 'very-secret-key'],
    ['credentials in a URL', 'GET https://me:hush@example.org/x', 'hush'],
    ['a ticket in a URL', 'GET /api/v1/ws/a?ticket=hush&b=1', 'hush'],
    ['a token in a URL', 'GET /x?b=1&access_token=hush', 'hush'],
    ['a bearer header in a text', 'sent Authorization: Bearer hush-hush', 'hush'],
    ['the password of an instance', 'refused pass word', 'pass word'],
  ])('are hidden: %s', async (_what, text, secret) => {
    const { logging, console } = open();
    logging.logger('main').info(text, { note: text, error: new TypeError(text) });
    await logging.close();
    const everything = console() + (await readFile(join(folder, 'app.log'), 'utf8'));
    expect(everything).toContain('[redacted]');
    expect(everything).not.toContain(secret);
  });

  it('leave ordinary words alone', async () => {
    const { logging, console } = open();
    logging.logger('main').info('GET /a?x=1', { tokens: 5, keyboard: 'qwerty', ticketing: 'ok' });
    expect(parse(console())[0]).toMatchObject({ message: 'GET /a?x=1', tokens: 5, keyboard: 'qwerty', ticketing: 'ok' });
    await logging.close();
  });
});

describe('a terminal', () => {
  it('shows one readable line per event, errors with their causes and without their stack', async () => {
    const { logging, console } = open({}, true);
    logging.logger('router').error('broke', { port: 1, error: fail('UPSTREAM_ERROR', 'x', { cause: new TypeError('why') }) });
    const text = console();
    expect(text.trimEnd().split('\n')).toHaveLength(1);
    expect(text).toMatch(/error.*router.*broke.*port=.*1.*UPSTREAM_ERROR.*← why/);
    expect(text).not.toContain('logger.test');
    await logging.close();
  });
});
