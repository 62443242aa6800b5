/** A sandbox as a process that is killed and started again on its port and its files. Its counters outlive it here. */
import { z } from 'zod';
import { Child } from './child.ts';

const Counters = z.object({ executions: z.record(z.string(), z.number()), requests: z.record(z.string(), z.number()) });
const Entry = z.tuple([z.unknown(), z.string()]).rest(z.unknown());
const Queue = z.object({ queue_running: z.array(Entry), queue_pending: z.array(Entry) });

export interface PlaceQueue {
  /** Prompt ids. */
  readonly running: readonly string[];
  readonly pending: readonly string[];
}

export class Place {
  /** Also the name of the engine that uses this one alone. */
  readonly name: string;
  readonly #folder: string;
  #child: Child | undefined;
  #url = '';
  /** Executions by prompt id, of lives that are over, and of this one as it was seen last. */
  readonly #past: Record<string, number>[] = [];
  #present: Record<string, number> = {};

  constructor(name: string, folder: string) {
    this.name = name;
    this.#folder = folder;
  }

  get url(): string {
    return this.#url;
  }

  /** On a free port, and at that one ever after. */
  async start(): Promise<void> {
    const port = this.#url === '' ? '0' : new URL(this.#url).port;
    this.#child = await Child.start(['sandbox/comfyui/main.ts', '--port', port, '--data', this.#folder, '--knobs'], {}, /at (http:\S+)/);
    this.#url = this.#child.word;
  }

  async kill(): Promise<void> {
    await this.collect();
    await this.#child?.kill('SIGKILL');
    this.#past.push(this.#present);
    this.#present = {};
  }

  async turn(knobs: Readonly<Record<string, unknown>>): Promise<void> {
    const answer = await this.#ask('/sandbox/knobs', { method: 'PUT', body: JSON.stringify(knobs) });
    if (answer.status !== 200) throw new TypeError(`${answer.status}: ${await answer.text()}`);
  }

  /** How many have arrived since it was started. */
  async requests(route: string): Promise<number> {
    return (await this.collect()).requests[route] ?? 0;
  }

  async queue(): Promise<PlaceQueue> {
    const queue = Queue.parse(await (await this.#ask('/queue')).json());
    return { running: queue.queue_running.map(([, id]) => id), pending: queue.queue_pending.map(([, id]) => id) };
  }

  async collect(): Promise<z.infer<typeof Counters>> {
    const counters = Counters.parse(await (await this.#ask('/sandbox/counters')).json());
    this.#present = counters.executions;
    return counters;
  }

  /** Executions of one prompt in one life, over all lives, as collected. */
  executions(): readonly (readonly [promptId: string, times: number])[] {
    return [...this.#past, this.#present].flatMap((life) => Object.entries(life));
  }

  #ask(path: string, init: RequestInit = {}): Promise<Response> {
    return fetch(this.#url + path, { ...init, signal: AbortSignal.timeout(10_000) });
  }
}
