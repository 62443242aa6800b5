import { failedWith } from '../../core/errors.ts';
import type { FileRef } from '../../models/file.ts';
import type { GrowingCopy } from '../../molecules/output-store/output-store.ts';
import { Copies } from './copies.ts';
import type { MirrorParts } from './parts.ts';

const HOUR = 3_600_000;
/** Milliseconds without a byte after which a partial file counts as given up. */
const ABANDONED = 10 * 60_000;
/** Part of the allowed bytes from which on nothing is caught up. */
const NEARLY_FULL = 0.9;
/** Outputs of earlier processes that are looked at after a start. */
const CATCH_UP = 1_000;

/** Copies outputs of finished prompts here, so that their URLs outlive the instance, and lets old files go. */
export class MirrorCoordinator {
  readonly #parts: MirrorParts;
  readonly #copies: Copies;
  readonly #stop = new AbortController();
  #full = false;

  constructor(parts: MirrorParts) {
    this.#parts = parts;
    this.#copies = new Copies(parts, this.#stop.signal);
  }

  /** Copies in the background. What cannot be copied stays reachable through the instance. */
  enqueue(promptId: string, instance: string, refs: readonly FileRef[]): void {
    if (this.#parts.limits.enabled) this.#copies.enqueue(promptId, instance, refs);
  }

  /** The copy of an output that is still to be complete, begun now if it has not been yet. Undefined when there is none, or it cannot be made. Throws CONNECTION_ERROR. */
  async follow(promptId: string, ref: FileRef): Promise<GrowingCopy | undefined> {
    return this.#copies.follow(promptId, ref);
  }

  /** Catches up with what an earlier process left, then lets old files go every hour. Until `stop`. */
  async run(): Promise<void> {
    const { signal } = this.#stop;
    for (let first = true; !signal.aborted; first = false) {
      await this.#guarded('old partial files could not be removed', () => this.#cleanUp());
      await this.#guarded('old files could not be removed', () => this.retain());
      if (first) await this.#guarded('earlier outputs could not be looked at', () => this.#catchUp());
      await this.#parts.sleep(HOUR, signal).catch(() => undefined);
    }
  }

  /** Takes away what is older or more than the limits allow, and uploads that were replaced. */
  async retain(): Promise<void> {
    const { stores, records, limits, now, log } = this.#parts;
    const before = limits.maxAgeMs > 0 ? now() - limits.maxAgeMs : 0;
    const maxBytes = limits.maxBytes > 0 ? limits.maxBytes : Infinity;
    const { removed, crowdedOut, bytes } = await stores.outputs.sweep({ before, maxBytes }, this.#stop.signal);
    this.#full = crowdedOut > 0 || bytes >= maxBytes * NEARLY_FULL;
    if (removed > 0) log.info('old outputs were removed', { prompts: removed });
    if (before > 0) {
      await records.prompts.expire(before);
      await records.inputs.expire(before);
    }
    await this.#removeUnreferenced(now() - HOUR);
  }

  /** No more copies begin; those under way are given up. They are made after the next start. */
  async stop(): Promise<void> {
    this.#stop.abort();
    await this.#copies.ended();
  }

  /** Uploads that no mapping leads to: expired, replaced, or stored by a process that died before it recorded them. Young ones may be on their way into the records. */
  async #removeUnreferenced(before: number): Promise<void> {
    const { stores, records } = this.#parts;
    for await (const paths of stores.inputs.old(before)) {
      if (this.#stop.signal.aborted) return;
      for (const path of await records.inputs.unreferenced(paths)) await stores.inputs.removeOld(path, before);
    }
  }

  async #cleanUp(): Promise<void> {
    const { stores, now } = this.#parts;
    const before = now() - ABANDONED;
    await stores.inputs.cleanUp(before, this.#stop.signal);
    await stores.outputs.cleanUp(before, this.#stop.signal);
  }

  /** Not where the space is used up: copies of older outputs would drive out newer ones. */
  async #catchUp(): Promise<void> {
    const { records, stores, limits } = this.#parts;
    if (!limits.enabled || this.#full) return;
    for (const output of await records.prompts.newestOutputs(CATCH_UP)) {
      const { promptId, instance, filename, subfolder, type } = output;
      const there = await stores.outputs.find(promptId, output).catch((error: unknown) => failedWith(error));
      if (!there && !(await records.prompts.overwritten(promptId, instance, output))) this.enqueue(promptId, instance, [{ filename, subfolder, type }]);
    }
  }

  async #guarded(what: string, deed: () => Promise<void>): Promise<void> {
    await deed().catch((error: unknown) => {
      if (!this.#stop.signal.aborted) this.#parts.log.error(what, { error });
    });
  }
}
