import { limits } from '../../constants/limits.ts';
import type { EngineFile } from '../../models/engine.ts';
import type { RunningHubApi } from '../../models/runninghub.ts';

/** Milliseconds that the name of an upload is used again: RunningHub keeps files for about a day. */
const GOOD_FOR = 20 * 3_600_000;

interface Uploaded {
  readonly name: Promise<string>;
  readonly at: number;
}

/** Files at one account, by content: the same one goes there once, however many jobs need it. */
export class RunninghubUploads {
  readonly #api: Pick<RunningHubApi, 'upload'>;
  readonly #now: () => number;
  readonly #known = new Map<string, Uploaded>();

  constructor(api: Pick<RunningHubApi, 'upload'>, now: () => number) {
    this.#api = api;
    this.#now = now;
  }

  /** What the input of a node is set to. Who shares the upload of somebody who gave up does it anew. */
  async name(file: EngineFile, signal: AbortSignal): Promise<string> {
    const known = this.#known.get(file.sha256);
    if (known && this.#now() - known.at < GOOD_FOR) {
      const name = await known.name.catch(() => undefined);
      signal.throwIfAborted();
      if (name !== undefined) return name;
    }
    return this.#send(file, signal);
  }

  /** RunningHub did not take the name. */
  forget(file: EngineFile): void {
    this.#known.delete(file.sha256);
  }

  async #send(file: EngineFile, signal: AbortSignal): Promise<string> {
    const { name, mediaType, size, open, sha256 } = file;
    const sent = { name: this.#api.upload({ name, mediaType, size, open }, signal).then(({ fileName }) => fileName), at: this.#now() };
    this.#known.delete(sha256);
    this.#known.set(sha256, sent);
    const [oldest] = this.#known.keys();
    if (this.#known.size > limits.runninghubUploadsKnown && oldest !== undefined) this.#known.delete(oldest);
    try {
      return await sent.name;
    } catch (error) {
      if (this.#known.get(sha256) === sent) this.#known.delete(sha256);
      throw error;
    }
  }
}
