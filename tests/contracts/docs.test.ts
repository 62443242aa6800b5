/** What the documents say is what the code does. */
import { readFile } from 'node:fs/promises';
import { describe, expect, it } from 'vitest';
import { settings } from '../../src/core/config.ts';
import { errorTable } from '../../src/core/errors.ts';

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
