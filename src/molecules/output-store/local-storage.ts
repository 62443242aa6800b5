import { fail } from '../../core/errors.ts';
import type { EngineOutput } from '../../models/engine.ts';
import { type FileRef, fileTypes, type OutputFile } from '../../models/file.ts';
import type { KeptOutput, OutputStorage } from '../../models/output-storage.ts';
import type { OutputStore } from './output-store.ts';

/** Outputs in OUTPUT_DIR, where downloads find them under the names that their engine gave. */
export class LocalStorage implements OutputStorage {
  readonly #store: OutputStore;
  readonly #enabled: boolean;
  readonly #now: () => number;

  /** Not `enabled`: files stay where they were made, and are fetched from there. */
  constructor(store: OutputStore, { enabled, now }: { readonly enabled: boolean; readonly now: () => number }) {
    this.#store = store;
    this.#enabled = enabled;
    this.#now = now;
  }

  async keep({ file, folder, open, fleeting }: EngineOutput, signal: AbortSignal): Promise<KeptOutput> {
    if (!this.#enabled && !fleeting) return { url: file.url, size: undefined };
    const ref = refOf(file);
    const there = await this.#store.find(folder, ref);
    if (there) return { url: file.url, size: there.size };
    const { body, size } = await open(signal);
    const copy = await this.#store.begin(folder, ref, { body, size, modifiedAt: new Date(this.#now()), signal });
    await copy.kept;
    return { url: file.url, size: size ?? (await this.#store.find(folder, ref))?.size };
  }

  async remove(folder: string): Promise<void> {
    await this.#store.remove(folder);
  }
}

function refOf({ filename, subfolder, type: given }: OutputFile): FileRef {
  const type = fileTypes.find((known) => known === given);
  if (!type) throw fail('FILE_OPERATION_ERROR', `"${filename}" is of type "${given}", which is not kept.`, { status: 400 });
  return { filename, subfolder, type };
}
