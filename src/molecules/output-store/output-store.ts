import type { Readable } from 'node:stream';
import { inside } from '../../atoms/files/confined.ts';
import { find, type FoundFile, read } from '../../atoms/files/read.ts';
import { receive } from '../../atoms/files/receive.ts';
import { removePartial, sweep, type SweepLimits, type Swept } from '../../atoms/files/sweep.ts';
import type { FileRef } from '../../models/file.ts';

/** Keeps copies of outputs: `OUTPUT_DIR/{prompt_id}/{type}/{subfolder}/{filename}`. A file is complete or not there. */
export class OutputStore {
  readonly #root: string;

  constructor(root: string) {
    this.#root = root;
  }

  /** Throws FILE_OPERATION_ERROR (400) for a name that is not safe on every file system. */
  async find(promptId: string, ref: FileRef): Promise<FoundFile | undefined> {
    return find(await this.#path(promptId, ref));
  }

  read(file: FoundFile, range?: { readonly start: number; readonly end: number }): Readable {
    return read(file.path, range);
  }

  /** `body` is destroyed in any case. Throws FILE_OPERATION_ERROR, and whatever the body fails with. */
  async store(promptId: string, ref: FileRef, copy: { readonly body: Readable; readonly signal: AbortSignal }): Promise<void> {
    const path = await this.#path(promptId, ref).catch((error: unknown) => {
      copy.body.on('error', () => undefined).destroy();
      throw error;
    });
    const received = await receive(this.#root, copy.body, { maxBytes: Infinity, limitName: 'no limit', signal: copy.signal });
    try {
      await received.keep(path);
    } catch (error) {
      await received.discard().catch(() => undefined);
      throw error;
    }
  }

  /** Whole prompts go, oldest first. Answers how many, and the bytes that are left. */
  async sweep(limits: SweepLimits, signal: AbortSignal): Promise<Swept> {
    return sweep(this.#root, limits, signal);
  }

  /** Removes what was begun but not finished, and not written to since that time. */
  async cleanUp(before: number, signal: AbortSignal): Promise<void> {
    await removePartial(this.#root, before, signal);
  }

  async #path(promptId: string, ref: FileRef): Promise<string> {
    return inside(this.#root, promptId, ref.type, ref.subfolder, ref.filename);
  }
}
