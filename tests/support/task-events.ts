/** The events of one task as a browser's EventSource reads them. */
import { EventSourceParserStream } from 'eventsource-parser/stream';
import { z } from 'zod';
import { parseJson } from '../../src/atoms/json/json.ts';
import { TaskStatus } from '../../src/models/task.ts';

const Data = z.looseObject({ task_id: z.string(), seq: z.int(), event: z.string(), status: TaskStatus, at: z.number() });

export interface SeenEvent {
  /** The number that a watcher says when it comes back; progress has none. */
  readonly id: number | undefined;
  readonly event: string;
  readonly data: z.infer<typeof Data>;
}

/** Reads at its own pace; the scope hangs up. */
export class TaskEvents implements Disposable {
  readonly seen: SeenEvent[] = [];
  readonly #reader: AsyncIterator<SeenEvent>;
  readonly #hangUp: AbortController;

  constructor(response: Response, hangUp: AbortController) {
    this.#reader = read(response);
    this.#hangUp = hangUp;
  }

  /** The next event of that name. Throws TypeError when the stream ends before. */
  async next(name: string): Promise<SeenEvent> {
    for (;;) {
      const { done, value } = await this.#reader.next();
      if (done === true) throw new TypeError(`the events ended without ${name}: ${this.names().join()}`);
      this.seen.push(value);
      if (value.event === name) return value;
    }
  }

  /** Everything until the server ends it. */
  async rest(): Promise<readonly SeenEvent[]> {
    for (;;) {
      const { done, value } = await this.#reader.next();
      if (done === true) return this.seen;
      this.seen.push(value);
    }
  }

  /** Names of those that have a number. */
  names(): string[] {
    return this.seen.filter(({ id }) => id !== undefined).map(({ event }) => event);
  }

  numbers(): number[] {
    return this.seen.flatMap(({ id }) => id ?? []);
  }

  [Symbol.dispose](): void {
    this.#hangUp.abort();
  }
}

async function* read(response: Response): AsyncGenerator<SeenEvent, void> {
  const text = response.body?.pipeThrough(new TextDecoderStream()).pipeThrough(new EventSourceParserStream());
  for await (const { id, event, data } of text ?? []) yield { id: id === undefined || id === '' ? undefined : Number(id), event: event ?? '', data: Data.parse(parseJson(data)) };
}
