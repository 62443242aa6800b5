import { EventEmitter, once } from 'node:events';
import { setTimeout as sleep } from 'node:timers/promises';
import { z } from 'zod';

/** The recorded nodes take tenths of seconds; where nobody heard them, here they take less. */
const UNHEARD_PACE = 0.3;

const Node = z.object({ value: z.number(), state: z.string() });
const States = z.object({ type: z.literal('progress_state'), data: z.object({ prompt_id: z.string(), nodes: z.record(z.string(), Node) }) });

/**
 * Lets a node go as far as the recording has been played: whatever a client did between two of its steps is then done
 * between the same two, however busy the machine is.
 */
export class RecordedPace {
  /** `prompt node` → steps it may have made; endless once it has finished. */
  readonly #reached = new Map<string, number>();
  readonly #news = new EventEmitter();
  #open = false;
  #heard = true;

  constructor() {
    this.#news.setMaxListeners(0);
  }

  /** Nodes that run while nobody hears of it keep the pace of the clock. */
  unheard(): void {
    this.#heard = false;
  }

  /** The next message of the recording. `idOf`: what a recorded prompt is called here. */
  played(text: string, idOf: (recorded: string) => string): void {
    const states = text.startsWith('{"type": "progress_state"') ? States.parse(JSON.parse(text)).data : undefined;
    if (!states) return;
    for (const [node, { value, state }] of Object.entries(states.nodes)) {
      this.#reached.set(`${idOf(states.prompt_id)} ${node}`, state === 'finished' ? Number.POSITIVE_INFINITY : value);
    }
    this.#news.emit('news');
  }

  /** Resolves when the recording has come to that step of the node (endless: to its end), or the signal aborts. */
  async step(at: { readonly promptId: string; readonly nodeId: string; readonly seconds: number }, step: number, signal?: AbortSignal): Promise<void> {
    if (!this.#heard) return sleep(at.seconds * 1_000 * UNHEARD_PACE);
    const key = `${at.promptId} ${at.nodeId}`;
    while (!this.#open && signal?.aborted !== true && (this.#reached.get(key) ?? 0) < step) await once(this.#news, 'news', { signal }).catch(() => undefined);
  }

  /** The recording is over: nobody waits any more. */
  end(): void {
    this.#open = true;
    this.#news.emit('news');
  }
}
