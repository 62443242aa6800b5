import type { Readable } from 'node:stream';
import { Arriving } from '../../atoms/files/arriving.ts';
import { below, inside } from '../../atoms/files/confined.ts';
import { openPart } from '../../atoms/files/open.ts';
import { findInside, type FoundFile, read, remove } from '../../atoms/files/read.ts';
import { removePartial, sweep, type SweepLimits, type Swept } from '../../atoms/files/sweep.ts';
import type { FileBody, FileRef } from '../../models/file.ts';

/** Bytes `start` to `end`, both included. */
export interface Span {
  readonly start: number;
  readonly end: number;
}

/** A copy on its way into the store. */
export interface GrowingCopy {
  /** As the store will find it; undefined when nobody said how large it is. */
  readonly file: { readonly size: number; readonly modifiedAt: Date } | undefined;
  /** Settles when the store has it, or with why it never will. */
  readonly kept: Promise<void>;
  /** Bytes of it, those that are still to come included, and from `elsewhere`, which opens them from a position on, when the disk fails. Undefined when `kept` has settled. */
  part(span: Span, elsewhere: (position: number, signal: AbortSignal) => Promise<Readable>): FileBody | undefined;
}

/** Keeps copies of outputs: `OUTPUT_DIR/{prompt_id}/{type}/{subfolder}/{filename}`. A file is complete or not there. */
export class OutputStore {
  readonly #root: string;

  constructor(root: string) {
    this.#root = root;
  }

  /** Throws FILE_OPERATION_ERROR (400) for a name that is not safe on every file system. */
  async find(promptId: string, ref: FileRef): Promise<FoundFile | undefined> {
    return findInside(this.#root, ...segmentsOf(promptId, ref));
  }

  /** Undefined when the file went after it was found. */
  async open(file: FoundFile, span: Span): Promise<FileBody | undefined> {
    return openPart(file.path, span);
  }

  read(file: FoundFile): Readable {
    return read(file.path);
  }

  /** Resolves with the first bytes on disk. `body` is destroyed in any case. Rejects, as `kept` does, with FILE_OPERATION_ERROR or whatever the body fails with. */
  async begin(promptId: string, ref: FileRef, copy: { readonly body: Readable; readonly size: number | undefined; readonly modifiedAt: Date; readonly signal: AbortSignal }): Promise<GrowingCopy> {
    const path = await inside(this.#root, ...segmentsOf(promptId, ref)).catch((error: unknown) => {
      copy.body.on('error', () => undefined).destroy();
      throw error;
    });
    const arriving = await Arriving.begin(this.#root, path, copy);
    const { size, modifiedAt } = copy;
    return { file: size === undefined ? undefined : { size, modifiedAt }, kept: arriving.kept, part: (span, elsewhere) => arriving.part(span, elsewhere) };
  }

  /** Removes all that a prompt left. */
  async remove(promptId: string): Promise<void> {
    await remove(below(this.#root, promptId));
  }

  /** Whole prompts go, oldest first. Answers how many, and the bytes that are left. */
  async sweep(limits: SweepLimits, signal: AbortSignal): Promise<Swept> {
    return sweep(this.#root, limits, signal);
  }

  /** Removes what was begun but not finished, and not written to since that time. */
  async cleanUp(before: number, signal: AbortSignal): Promise<void> {
    await removePartial(this.#root, before, signal);
  }
}

const segmentsOf = (promptId: string, ref: FileRef): readonly string[] => [promptId, ref.type, ref.subfolder, ref.filename];
