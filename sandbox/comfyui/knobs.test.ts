import { readFile } from 'node:fs/promises';
import { expect, it } from 'vitest';
import { Knobs, KnobState } from './knobs.ts';

it('documents every knob with its neutral value and its description', async () => {
  const readme = await readFile(new URL('./README.md', import.meta.url), 'utf8');
  const neutral = KnobState.parse({});
  const rows = Object.entries(KnobState.shape).map(([name, schema]) => `| \`${name}\` | \`${JSON.stringify(Object.entries(neutral).find(([key]) => key === name)?.[1])}\` | ${schema.description} |`);
  const documented = readme.split('\n').filter((line) => rows.some((row) => line.startsWith(row.split('`', 2).join('`'))));
  expect(documented).toEqual(rows);
});

it('changes what is named and leaves the rest', () => {
  const knobs = new Knobs({ failView: 2 });
  knobs.set({ hold: true });
  expect(knobs.state).toMatchObject({ failView: 2, hold: true });
});

it('uses up counted knobs', () => {
  const knobs = new Knobs({ failView: 1, hang: { 'GET /queue': 1 } });
  expect([knobs.take('failView'), knobs.take('failView')]).toEqual([true, false]);
  expect([knobs.takeHang('GET /queue'), knobs.takeHang('GET /queue'), knobs.takeHang('GET /prompt')]).toEqual([true, false, false]);
});

it('wakes who waits for the release, or whose signal aborts', async () => {
  const knobs = new Knobs({ hold: true });
  const stop = new AbortController();
  const [released, stopped] = [knobs.released(new AbortController().signal), knobs.released(stop.signal)];
  stop.abort();
  await stopped;
  knobs.set({ hold: false });
  await released;
});
