import { limits } from '../../constants/limits.ts';
import { reasonOf } from '../../core/errors.ts';
import type { LiveParts } from './parts.ts';

/** Milliseconds: first and longest wait before the next try. A try is one small transaction. */
const BACKOFF = [250, 2_000] as const;

/** An ending that the database did not take. */
export interface UnwrittenEnding {
  readonly promptId: string;
  /** Bytes that are kept for it. */
  readonly bytes: number;
  /** Writes it, then tells it. Throws when it still cannot be written; then nobody has been told. */
  readonly write: () => Promise<void>;
}

/**
 * Endings that wait until the database takes them again, at most `limits.unwrittenBytes` of them. Told before they are
 * written, they could not be asked for, and would be another ending after a restart; so they are held back, for as long as it takes.
 */
export class UnwrittenEndings {
  readonly #parts: Pick<LiveParts, 'log' | 'sleep'>;
  readonly #endings = new Map<string, UnwrittenEnding>();
  #bytes = 0;
  #wake: (() => void) | undefined;

  constructor(parts: Pick<LiveParts, 'log' | 'sleep'>) {
    this.#parts = parts;
  }

  has(promptId: string): boolean {
    return this.#endings.has(promptId);
  }

  /** False when there is no room for it: whoever found the ending has to find it again. */
  hold(ending: UnwrittenEnding, error: unknown): boolean {
    if (this.has(ending.promptId)) return true;
    const held = this.#bytes + ending.bytes <= limits.unwrittenBytes;
    const first = held && this.#endings.size === 0;
    const about = { prompt_id: ending.promptId, held, reason: reasonOf(error) };
    if (first) this.#parts.log.tasks.error('endings of prompts cannot be written and are held back until they can', { ...about, error });
    else this.#parts.log.tasks.debug('an ending of a prompt cannot be written', about);
    if (!held) return false;
    this.#endings.set(ending.promptId, ending);
    this.#bytes += ending.bytes;
    this.#wake?.();
    return true;
  }

  /** Writes what is held, again and again, until the signal aborts. What is held then is found again by the next process. */
  async run(signal: AbortSignal): Promise<void> {
    for (let failures = 0; !signal.aborted; ) {
      if (this.#endings.size === 0) await this.#arrival(signal);
      await this.#parts.sleep(Math.min(BACKOFF[0] * 2 ** failures, BACKOFF[1]), signal).catch(() => undefined);
      if (signal.aborted) return;
      failures = (await this.#writeAll()) ? 0 : failures + 1;
    }
  }

  /** False when one cannot be written: those behind it are left for the next time, and go before it. */
  async #writeAll(): Promise<boolean> {
    const before = this.#endings.size;
    for (const ending of [...this.#endings.values()]) {
      try {
        await ending.write();
        this.#endings.delete(ending.promptId);
        this.#bytes -= ending.bytes;
      } catch (error) {
        this.#endings.delete(ending.promptId);
        this.#endings.set(ending.promptId, ending);
        this.#parts.log.tasks.debug('endings of prompts still cannot be written', { prompts: this.#endings.size, reason: reasonOf(error) });
        return false;
      }
    }
    this.#parts.log.tasks.info('the endings that were held back are written', { prompts: before });
    return true;
  }

  async #arrival(signal: AbortSignal): Promise<void> {
    const arrived = new Promise<void>((resolve) => {
      this.#wake = resolve;
      signal.addEventListener('abort', () => resolve(), { once: true });
    });
    await arrived;
    this.#wake = undefined;
  }
}
