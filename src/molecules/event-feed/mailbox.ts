import { limits } from '../../constants/limits.ts';
import type { Frame } from '../../models/frame.ts';

/**
 * `state` and `output` are never dropped; too many of them close the mailbox. `progress` and `preview` give way to newer
 * ones of the same slot once the reader is behind; previews go first when bytes run out. `latest` says all that older ones
 * of its slot said, so only the newest waits.
 */
export type FrameClass = 'state' | 'output' | 'progress' | 'preview' | 'latest';

interface Entry {
  readonly frame: Frame;
  /** Undefined for what is never dropped. */
  readonly slot: string | undefined;
}

/** A reader with more than this waiting is behind. */
const BEHIND = { entries: 64, bytes: 1024 * 1024 } as const;

/** Bytes that a reader gets at a time. */
const TOGETHER = 64 * 1024;

/** What waits for one watcher. Pure: no socket, no timer. One reader. */
export class Mailbox {
  readonly #queue = new Map<number, Entry>();
  readonly #slots = new Map<string, number>();
  #next = 0;
  #bytes = 0;
  #states = 0;
  #closed: { readonly code: number; readonly reason: string } | undefined;
  #wake: (() => void) | undefined;
  /** Frames that gave way to newer ones. */
  dropped = 0;

  /** Why no more comes: a WebSocket close code and a sentence. */
  get closed(): { readonly code: number; readonly reason: string } | undefined {
    return this.#closed;
  }

  get bytes(): number {
    return this.#bytes;
  }

  push(frame: Frame, kind: FrameClass, slot = ''): void {
    if (this.#closed) return;
    const kept = kind === 'state' || kind === 'output';
    if (!kept && (kind === 'latest' || this.#behind())) this.#giveWay(slot);
    if (this.#bytes + frame.data.length > limits.mailboxBytes && !this.#makeRoom(frame.data.length)) {
      if (kept) this.close(1013, 'The client reads too slowly: messages that must not be dropped have piled up. Connect again and subscribe with since.');
      else this.dropped += 1;
      return;
    }
    if (kept && ++this.#states > limits.mailboxStates) return this.close(1013, 'The client reads too slowly: too many messages wait. Connect again and subscribe with since.');
    const id = this.#next++;
    this.#queue.set(id, { frame, slot: kept ? undefined : slot });
    if (!kept) this.#slots.set(slot, id);
    this.#bytes += frame.data.length;
    this.#wake?.();
  }

  /** Ends the mailbox. What waits is still delivered, unless the reader was too slow (1013). */
  close(code: number, reason: string): void {
    if (this.#closed) return;
    this.#closed = { code, reason };
    if (code === 1013) this.#queue.clear();
    this.#wake?.();
  }

  /**
   * Frames in order, some at a time, until the mailbox is closed. Whoever stops pulling finds newer progress in the place of
   * older. A reader that was woken waits for `settled` before it looks, so that what comes at once is looked at together.
   */
  async *frames(settled: () => Promise<void> = async () => undefined): AsyncGenerator<readonly Frame[], void> {
    for (;;) {
      while (this.#queue.size > 0) yield this.#take();
      if (this.#closed) return;
      await new Promise<void>((resolve) => (this.#wake = resolve));
      await settled();
    }
  }

  /** What waits longest, up to TOGETHER bytes or one frame. */
  #take(): Frame[] {
    const taken: Frame[] = [];
    let bytes = 0;
    for (const [id, entry] of this.#queue) {
      bytes += entry.frame.data.length;
      if (taken.length > 0 && bytes > TOGETHER) break;
      this.#remove(id, entry);
      taken.push(entry.frame);
    }
    return taken;
  }

  #remove(id: number, entry: Entry): void {
    this.#queue.delete(id);
    this.#bytes -= entry.frame.data.length;
    if (entry.slot === undefined) this.#states -= 1;
    else if (this.#slots.get(entry.slot) === id) this.#slots.delete(entry.slot);
  }

  #behind(): boolean {
    return this.#queue.size > BEHIND.entries || this.#bytes > BEHIND.bytes;
  }

  #giveWay(slot: string): void {
    const id = this.#slots.get(slot);
    const older = id === undefined ? undefined : this.#queue.get(id);
    if (id === undefined || !older) return;
    this.#remove(id, older);
    this.dropped += 1;
  }

  /** Everything that may be dropped goes, oldest first, until `bytes` fit. */
  #makeRoom(bytes: number): boolean {
    for (const [id, entry] of this.#queue) {
      if (this.#bytes + bytes <= limits.mailboxBytes) return true;
      if (entry.slot === undefined) continue;
      this.#remove(id, entry);
      this.dropped += 1;
    }
    return this.#bytes + bytes <= limits.mailboxBytes;
  }
}
