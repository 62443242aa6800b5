/** `.env.example` has every variable, with what it is about and its default, and can be used as it is. */
import { readFile } from 'node:fs/promises';
import { parseEnv } from 'node:util';
import { describe, expect, it } from 'vitest';
import { loadConfig, settings } from '../../src/core/config.ts';

const text = await readFile(new URL('../../.env.example', import.meta.url), 'utf8');

function defaultOf(value: unknown): string {
  if (value === undefined) return '';
  if (Array.isArray(value)) return value.join(',');
  return typeof value === 'string' ? value : JSON.stringify(value);
}

describe('.env.example', () => {
  it('has every variable in the order of the settings, with what it is about and its default', () => {
    const written = [...text.matchAll(/^# (.+)\n#([A-Z_]+)=(.*)$/gm)].map(([, about, name, value]) => [name, value, about]);
    expect(written).toEqual(Object.entries(settings).map(([name, { schema, about }]) => [name, defaultOf(schema.parse(undefined)), about]));
  });

  it('sets nothing as it is, and the defaults when everything is uncommented', () => {
    expect(parseEnv(text)).toEqual({});
    const { COMFYUI_PORT, ...all } = parseEnv(text.replace(/^#([A-Z_]+=)/gm, '$1'));
    expect(COMFYUI_PORT).toBe('8188');
    expect(loadConfig(all)).toEqual(loadConfig({}));
  });
});
