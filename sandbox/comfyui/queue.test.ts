import { describe, expect, it, vi } from 'vitest';
import type { QueueItem } from './graph.ts';
import { PythonError } from './python.ts';
import { PromptQueue } from './queue.ts';

const item = (number: number, promptId: string): QueueItem => ({ number, promptId, prompt: {}, extraData: {}, outputs: [] });
const signal = new AbortController().signal;

function filled(...items: QueueItem[]): { queue: PromptQueue; changed: ReturnType<typeof vi.fn> } {
  const changed = vi.fn();
  const queue = new PromptQueue(changed);
  for (const one of items) queue.put(one);
  changed.mockClear();
  return { queue, changed };
}

describe('the queue', () => {
  it('shows pending prompts in heap order and gives them out by number, then id (ws 22)', async () => {
    const { queue } = filled(item(106, '142'), item(107, '143'), item(108, '144'), item(-109, '145'), item(-1_000_000, '146'), item(5, '147'), item(-110, '148'));
    expect(queue.pending.map(({ promptId }) => promptId)).toEqual(['146', '145', '148', '143', '142', '144', '147']);
    const taken: string[] = [];
    while (queue.pending.length > 0) taken.push((await queue.take(signal)).promptId);
    expect(taken).toEqual(['146', '148', '145', '147', '142', '143', '144']);
  });

  it('refuses a tie but keeps the item, without telling anybody (ws 31)', () => {
    const { queue, changed } = filled(item(7, 'a'));
    expect(() => { queue.put(item(7, 'a')); }).toThrow(PythonError);
    expect(queue.remaining).toBe(2);
    expect(changed).not.toHaveBeenCalled();
  });

  it('loses an item and fails when it must choose between ties (ws 36)', async () => {
    const { queue } = filled(item(7, 'a'));
    for (let count = 0; count < 3; count += 1) expect(() => { queue.put(item(7, 'a')); }).toThrow(PythonError);
    await expect(queue.take(signal)).rejects.toThrow(PythonError);
    expect([queue.pending.length, queue.running.length]).toEqual([3, 0]);
  });

  it('tells of the deletion of the only pending prompt twice, of others once, of unknown ones never (ws 11)', () => {
    const { queue, changed } = filled(item(1, 'a'), item(2, 'b'));
    queue.delete('nope');
    expect(changed).toHaveBeenCalledTimes(0);
    queue.delete('a');
    expect(changed).toHaveBeenCalledTimes(1);
    queue.delete('b');
    expect(changed).toHaveBeenCalledTimes(3);
  });

  it('deletes one of several prompts with the same id', () => {
    const { queue } = filled(item(1, 'a'), item(2, 'a'));
    queue.delete('a');
    expect(queue.pending).toHaveLength(1);
  });

  it('wakes who waits for work, and lets go of them when stopped', async () => {
    const { queue } = filled();
    const waiting = queue.take(signal);
    queue.put(item(1, 'a'));
    expect((await waiting).promptId).toBe('a');
    const stop = new AbortController();
    const more = queue.take(stop.signal);
    stop.abort();
    await expect(more).rejects.toThrow('aborted');
  });
});
