import { EventEmitter } from 'node:events';
import { z } from 'zod';

const times = z.number().int().min(0).max(1_000_000);
const delay = z.number().min(0).max(600_000);

/** Every knob, what it does and its neutral value. Counted knobs go down by one at each use. */
export const KnobState = z.strictObject({
  dropSocketAfterFrames: z.number().int().min(1).nullable().default(null).describe('cut each socket (1006) once it was sent so many frames'),
  refuseSockets: z.boolean().default(false).describe('answer 503 to every upgrade of /ws'),
  frameDelayMs: delay.default(0).describe('hold back each frame so long, in order; the work itself is not slowed'),
  malformedTextFrames: times.default(0).describe('the next n text frames are cut in half: invalid JSON'),
  truncatedBinaryFrames: times.default(0).describe('the next n binary frames lose all but 6 bytes'),
  nanFrames: times.default(0).describe('the next n text frames carry a bare NaN'),
  failPromptBefore: times.default(0).describe('the next n POST /prompt answer 500 and queue nothing'),
  failPromptAfter: times.default(0).describe('the next n POST /prompt answer 500 although the prompt is queued'),
  cutPromptBefore: times.default(0).describe('the next n POST /prompt lose their connection, nothing queued'),
  cutPromptAfter: times.default(0).describe('the next n POST /prompt lose their connection after the prompt is queued'),
  holdPrompts: z.boolean().default(false).describe('POST /prompt is read, and handled once this is false again, even where its client has hung up by then: as behind a slow proxy'),
  hang: z.record(z.string(), times).default({}).describe('route ("GET /history/:id", "POST /prompt") → how many requests get no answer at all'),
  nodeDelayMs: delay.default(0).describe('wait before each node runs'),
  stepDelayMs: delay.default(0).describe('wait before each step a node reports'),
  hold: z.boolean().default(false).describe('nodes stop before they run until this is false again'),
  deaf: z.boolean().default(false).describe('waits and steps do not notice an interrupt; only the start of the next node does (ws 09)'),
  emptyHistory: z.boolean().default(false).describe('GET /history and /history/{id} answer {} although prompts ran'),
  loseHistoryEntries: times.default(0).describe('the next n finished prompts leave no history entry'),
  historyDelayMs: delay.default(0).describe('time between execution_success and the history entry'),
  nanHistory: z.boolean().default(false).describe('history answers carry a bare NaN'),
  failHistory: times.default(0).describe('the next n GET /history answer 500'),
  failView: times.default(0).describe('the next n GET /view answer 500'),
  truncateView: times.default(0).describe('the next n GET /view announce the whole length, send half and cut the connection'),
});
export type KnobState = z.infer<typeof KnobState>;
const KnobPatch = KnobState.partial();
export type KnobPatch = z.input<typeof KnobPatch>;

type Counted = { [Name in keyof KnobState]: KnobState[Name] extends number ? Name : never }[keyof KnobState];

/** Faults on demand. Nothing here is part of the recorded protocol. */
export class Knobs {
  #state: KnobState;
  readonly #changes = new EventEmitter();

  constructor(initial: KnobPatch = {}) {
    this.#state = KnobState.parse(initial);
    this.#changes.setMaxListeners(0);
  }

  get state(): Readonly<KnobState> {
    return this.#state;
  }

  /** Changes the given knobs and leaves the others. Throws ZodError when one is unknown or out of range. */
  set(patch: unknown): void {
    const checked = KnobPatch.parse(patch);
    const given = Object.keys(z.record(z.string(), z.unknown()).parse(patch));
    const chosen = Object.fromEntries(Object.entries(checked).filter(([name]) => given.includes(name)));
    this.#state = KnobState.parse({ ...this.#state, ...chosen });
    this.#changes.emit('change');
  }

  reset(): void {
    this.set(KnobState.parse({}));
  }

  /** Uses up one of a counted knob; false if there is none left. */
  take(name: Counted): boolean {
    if (this.#state[name] < 1) return false;
    this.set({ [name]: this.#state[name] - 1 });
    return true;
  }

  /** Uses up one hang of this route. */
  takeHang(route: string): boolean {
    const left = this.#state.hang[route] ?? 0;
    if (left < 1) return false;
    this.set({ hang: { ...this.#state.hang, [route]: left - 1 } });
    return true;
  }

  /** Resolves once `hold` (or the knob named) is off, or when the signal aborts. */
  async released(signal: AbortSignal, name: 'hold' | 'holdPrompts' = 'hold'): Promise<void> {
    while (this.#state[name] && !signal.aborted) {
      await new Promise<void>((resolve) => {
        const go = (): void => {
          this.#changes.off('change', go);
          signal.removeEventListener('abort', go);
          resolve();
        };
        this.#changes.on('change', go);
        signal.addEventListener('abort', go, { once: true });
      });
    }
  }
}
