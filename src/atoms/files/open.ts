import { type FileHandle, open } from 'node:fs/promises';
import type { Writable } from 'node:stream';
import type { FileBody } from '../../models/file.ts';
import { isNotThere, onDisk } from './disk.ts';
import { pour, type Source, type Span } from './pour.ts';

/** A source that must be closed. Closing twice does nothing. */
export interface OpenSource extends Source {
  close(): Promise<void>;
}

/** Part of an open source, on its way out. */
export class Part implements FileBody {
  readonly #source: OpenSource;
  readonly #span: Span;
  #poured = false;

  constructor(source: OpenSource, span: Span) {
    this.#source = source;
    this.#span = span;
  }

  async pour(into: Writable, signal: AbortSignal): Promise<void> {
    this.#poured = true;
    try {
      await onDisk('to read a file', () => pour(this.#source, this.#span, { into, signal }));
    } finally {
      await this.#source.close();
    }
  }

  /** What is being poured is closed by that. */
  discard(): void {
    if (!this.#poured) this.#source.close().catch(() => undefined);
  }
}

/** Opens that part of a file: whatever becomes of its name, the bytes stay. Undefined when it is not there any more. */
export async function openPart(path: string, span: Span): Promise<FileBody | undefined> {
  const file = await onDisk('to open a file', () => open(path).catch(ignoreMissing));
  return file && new Part(sourceOf(file), span);
}

function sourceOf(file: FileHandle): OpenSource {
  return {
    read: async (buffer, position) => (await file.read(buffer, 0, buffer.length, position)).bytesRead,
    close: () => file.close(),
  };
}

function ignoreMissing(error: unknown): undefined {
  if (!isNotThere(error)) throw error;
}
