import { describe, expect, test } from 'vitest';
import { HttpText } from '../../atoms/http/http.ts';
import { limits } from '../../constants/limits.ts';
import { HistoryEntry } from '../../models/comfyui.ts';
import { ComfyuiHistory } from './history.ts';

const history = new ComfyuiHistory(new HttpText(), { timeoutMs: 1_000 });
const status = { status_str: 'success', completed: true, messages: [] };
const entry = (outputs: unknown, graph: unknown = {}): HistoryEntry => HistoryEntry.parse({ prompt: [0, 'id', graph, {}, ['2']], outputs, status });
const nested = (levels: number): unknown => JSON.parse('['.repeat(levels) + ']'.repeat(levels));

describe('an entry that is kept', () => {
  test('comes back as it was', () => {
    const one = entry({ '2': { images: [{ filename: 'a.png', subfolder: '', type: 'output' }] } }, { '1': { inputs: { seed: JSON.rawJSON('18446744073709551615') } } });
    expect(history.serialize(one)).toContain('18446744073709551615');
    expect(history.serialize(history.parse(history.serialize(one)))).toBe(history.serialize(one));
  });

  test('leaves its graph behind when it is too large', () => {
    const kept = history.parse(history.serialize(entry({ '2': { text: ['x'] } }, { text: 'x'.repeat(limits.storedHistoryBytes) })));
    expect(kept).toMatchObject({ prompt: [], outputs: { '2': { text: ['x'] } }, status });
  });

  test('keeps its status when it is nested too deep to be written', () => {
    expect(history.parse(history.serialize(entry({ '2': { text: nested(100_000) } })))).toEqual({ prompt: [], outputs: {}, status });
  });
});
