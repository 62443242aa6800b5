import { Float } from './json.ts';
import { PythonError } from './python.ts';
import type { QueueItem } from './graph.ts';

/** More than anybody tests with; the recorded server has no limit. */
const MAX_PENDING = 10_000;

/**
 * Pending prompts in a binary heap, so `queue_pending` shows heap order (ws 22). Two items with the same number and the
 * same prompt id cannot be compared: a push then fails although the item is in (ws 31), a pop loses one item (ws 36).
 */
export class PromptQueue {
  #pending: QueueItem[] = [];
  #running: QueueItem[] = [];
  #wake: (() => void) | undefined;
  readonly #changed: () => void;

  /** `changed` is told of every change that the recorded server announces with a `status` message. */
  constructor(changed: () => void) {
    this.#changed = changed;
  }

  get pending(): readonly QueueItem[] {
    return this.#pending;
  }

  get running(): readonly QueueItem[] {
    return this.#running;
  }

  get remaining(): number {
    return this.#pending.length + this.#running.length;
  }

  /** Throws PythonError when the new item ties with another; it is queued all the same, without a status (ws 31). */
  put(item: QueueItem): void {
    if (this.#pending.length >= MAX_PENDING) throw new PythonError('MemoryError', 'too many pending prompts');
    this.#pending.push(item);
    rise(this.#pending, { from: 0, at: this.#pending.length - 1 });
    this.#changed();
    this.#wake?.();
  }

  /** The next item, as soon as there is one. Throws PythonError on a tie: the worker does not survive that (ws 36). */
  async take(signal: AbortSignal): Promise<QueueItem> {
    while (this.#pending.length === 0) await this.#arrival(signal);
    const item = popSmallest(this.#pending);
    this.#running.push(item);
    this.#changed();
    return item;
  }

  /** The running item is over: `beforeStatus` (history) happens first, then the status goes out. */
  done(item: QueueItem, beforeStatus: () => void): void {
    this.#running = this.#running.filter((other) => other !== item);
    beforeStatus();
    this.#changed();
  }

  clear(): void {
    this.#pending = [];
    this.#changed();
  }

  /** Removes one pending item with this id. The only one left is removed by clearing, hence two status messages (ws 11). */
  delete(promptId: unknown): void {
    const index = this.#pending.findIndex((item) => item.promptId === promptId);
    if (index < 0) return;
    if (this.#pending.length === 1) {
      this.clear();
    } else {
      this.#pending.splice(index, 1);
      heapify(this.#pending);
    }
    this.#changed();
  }

  #arrival(signal: AbortSignal): Promise<void> {
    signal.throwIfAborted();
    return new Promise((resolve, reject) => {
      const stop = (): void => { reject(signal.reason instanceof Error ? signal.reason : new PythonError('SystemExit', 'stopped')); };
      signal.addEventListener('abort', stop, { once: true });
      this.#wake = () => {
        signal.removeEventListener('abort', stop);
        this.#wake = undefined;
        resolve();
      };
    });
  }
}

function less(a: QueueItem, b: QueueItem): boolean {
  const [x, y] = [order(a), order(b)];
  if (x !== y) return x < y;
  if (a.promptId !== b.promptId) return a.promptId < b.promptId;
  throw new PythonError('TypeError', "'<' not supported between instances of 'dict' and 'dict'");
}

function order(item: QueueItem): number {
  return item.number instanceof Float ? item.number.value : item.number;
}

function itemAt(heap: readonly QueueItem[], index: number): QueueItem {
  const item = heap[index];
  if (!item) throw new PythonError('IndexError', 'list index out of range');
  return item;
}

/** Moves the item at `at` towards `from` until its parent is smaller. */
function rise(heap: QueueItem[], { from, at }: { from: number; at: number }): void {
  const moving = itemAt(heap, at);
  let position = at;
  while (position > from) {
    const parent = (position - 1) >> 1;
    if (!less(moving, itemAt(heap, parent))) break;
    heap[position] = itemAt(heap, parent);
    position = parent;
  }
  heap[position] = moving;
}

/** Lets the item at `start` fall to a leaf along the smaller children, then rise to its place. */
function fall(heap: QueueItem[], start: number): void {
  const moving = itemAt(heap, start);
  let position = start;
  for (let child = 2 * position + 1; child < heap.length; child = 2 * position + 1) {
    const right = child + 1;
    if (right < heap.length && !less(itemAt(heap, child), itemAt(heap, right))) child = right;
    heap[position] = itemAt(heap, child);
    position = child;
  }
  heap[position] = moving;
  rise(heap, { from: start, at: position });
}

function popSmallest(heap: QueueItem[]): QueueItem {
  const last = heap.pop();
  const first = heap[0];
  if (!last) throw new PythonError('IndexError', 'index out of range');
  if (!first) return last;
  heap[0] = last;
  fall(heap, 0);
  return first;
}

function heapify(heap: QueueItem[]): void {
  for (let index = (heap.length >> 1) - 1; index >= 0; index -= 1) fall(heap, index);
}
