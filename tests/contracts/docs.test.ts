/** What the documents say is what the code does. */
import { execFile, spawn } from 'node:child_process';
import { randomBytes } from 'node:crypto';
import { once } from 'node:events';
import { readFile } from 'node:fs/promises';
import { createInterface } from 'node:readline';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';
import { describe, expect, it } from 'vitest';
import { settings } from '../../src/core/config.ts';
import { errorTable } from '../../src/core/errors.ts';
import { taskEventNames } from '../../src/models/task.ts';
import { nextTry } from '../../src/molecules/webhooks/schedule.ts';
import { parseSecret, webhookHeaders } from '../../src/molecules/webhooks/sign.ts';

/** The cells of the table under `heading`, without the ticks around code. */
async function table(file: string, heading: string): Promise<string[][]> {
  const text = await readFile(new URL(`../../docs/${file}`, import.meta.url), 'utf8');
  const lines = text.slice(text.indexOf(heading)).split('\n').slice(2);
  return lines.slice(0, lines.findIndex((line) => !line.startsWith('|'))).map((line) =>
    line.slice(1, -1).split(/(?<!\\)\|/).map((cell) => cell.trim().replaceAll('\\|', '|')));
}

const bare = (cell: string | undefined): string => (cell ?? '').replace(/^`(.*)`$/, '$1');

describe('docs/errors.md', () => {
  it('has every code with its status, title and retry rule, in the order of the table', async () => {
    const written = (await table('errors.md', '| code |')).map(([code, status, title, retryable]) => [bare(code), status, title, retryable]);
    expect(written).toEqual(Object.entries(errorTable).map(([code, row]) => [code, String(row.status), row.title, row.retryable ? 'yes' : 'no']));
  });

  it('says of every code what to do', async () => {
    for (const row of await table('errors.md', '| code |')) expect(row[4]?.length).toBeGreaterThan(20);
  });
});

describe('docs/configuration.md', () => {
  it('has every variable with its default and what it is about, in the order of the settings', async () => {
    const written = (await table('configuration.md', '| variable |')).map(([name, value, about]) => [bare(name), bare(value), about]);
    expect(written).toEqual(Object.entries(settings).map(([name, { schema, about }]) => {
      const value = schema.parse(undefined);
      return [name, value === undefined ? '' : Array.isArray(value) ? value.map(String).join(',') : typeof value === 'string' ? value : JSON.stringify(value), about];
    }));
  });
});

describe('docs/webhooks.md', async () => {
  const root = new URL('../../', import.meta.url);
  const text = await readFile(new URL('docs/webhooks.md', root), 'utf8');
  const block = (language: string, part: string): string => [...text.matchAll(new RegExp(`^\`\`\`${language}\\n([^]*?)^\`\`\``, 'gm'))].map((match) => match[1] ?? '').find((code) => code.includes(part)) ?? '';

  it('names the pauses between tries, and how long it is tried', () => {
    const pauses = /The pauses are (.+?), each .* until (\d+) hours/.exec(text);
    const units: Readonly<Record<string, number>> = { s: 1_000, min: 60_000, h: 3_600_000 };
    const written = pauses?.[1]?.split(', ').map((pause) => Number.parseInt(pause, 10) * (units[pause.split(' ')[1] ?? ''] ?? Number.NaN));
    const none = { createdAt: 0, now: 0, status: 500, retryAfterMs: undefined, random: 0.5 };
    expect(written).toEqual(written?.map((_pause, attempts) => nextTry({ ...none, attempts })));
    expect(written?.at(-1)).toBe(nextTry({ ...none, attempts: 99 }));
    const day = Number(pauses?.[2]) * 3_600_000;
    expect([nextTry({ ...none, attempts: 0, now: day - 5_001 }), nextTry({ ...none, attempts: 0, now: day - 5_000 })]).toEqual([day - 1, undefined]);
  });

  it('names every event that can be told', () => {
    for (const event of taskEventNames) expect(text).toContain(`\`${event}\``);
  });

  it('makes a secret that is taken', async () => {
    const { stdout } = await promisify(execFile)('bash', ['-c', block('sh', 'whsec_')]);
    expect(parseSecret(stdout.trim())).not.toHaveProperty('fault');
  });

  it('has a receiver that takes what is signed, once, and nothing else', async () => {
    const secret = `whsec_${randomBytes(32).toString('base64')}`;
    const code = block('js', 'standardwebhooks').replace(".listen(9000, '127.0.0.1')", ".listen(0, '127.0.0.1', function () { console.log(this.address().port); })");
    const receiver = spawn(process.execPath, ['--input-type=module', '-e', code], { cwd: fileURLToPath(root), env: { WEBHOOK_SECRET: secret }, stdio: ['ignore', 'pipe', 'inherit'] });
    const said = createInterface({ input: receiver.stdout })[Symbol.asyncIterator]();
    const url = `http://127.0.0.1:${String((await said.next()).value)}/hook`;
    const tell = async (id: string, { key, body }: { key: string; body: string }): Promise<number> => (await fetch(url, { method: 'POST', body, headers: webhookHeaders({ id, at: Date.now(), body }, parseSecret(key).key) })).status;
    const body = block('json', '"task.completed"');
    expect(await tell('m-0', { key: `whsec_${randomBytes(32).toString('base64')}`, body })).toBe(400);
    for (const id of ['m-1', 'm-1', 'm-2']) expect(await tell(id, { key: secret, body })).toBe(204);
    receiver.kill();
    await once(receiver, 'close');
    const lines = [];
    for await (const line of said) lines.push(line);
    expect(lines.filter((line) => line.startsWith('task.completed 01a214cc-'))).toHaveLength(2);
  });
});
