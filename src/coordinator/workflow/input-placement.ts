import { limits } from '../../constants/limits.ts';
import { fail } from '../../core/errors.ts';
import type { Caller } from '../../models/caller.ts';
import type { Instance } from '../../models/instance.ts';
import type { NodeDeclarations } from '../../models/node-declaration.ts';
import type { Fault } from '../../models/problem.ts';
import type { InputRecord } from '../../models/records.ts';
import { fileMentions, type Mention } from '../../molecules/graph/file-mentions.ts';
import { type FileReference, fileReferences, mayNameFiles, rewrite, type Rewriting } from '../../molecules/graph/file-references.ts';
import { classesOf } from '../../molecules/graph/read.ts';
import { faultOf, notYours, tooManyFiles } from './file-faults.ts';
import { FileOwnership, type Standing } from './file-ownership.ts';
import type { WorkflowParts } from './parts.ts';

type Graph = Readonly<Record<string, unknown>>;

/** A workflow whose file names are those of the instance, and the files it needs there. */
export interface Prepared {
  readonly workflow: Graph;
  readonly inputs: readonly InputRecord[];
  /** The only instance that can run it, since it reads outputs that are there. */
  readonly pinned: Instance | undefined;
}

/** What was found out about the names in a workflow. */
interface Findings {
  /** By their path below the input folder. */
  readonly inputs: Map<string, InputRecord>;
  readonly changes: Rewriting[];
  readonly faults: Fault[];
  readonly pins: Set<string>;
}

/** Brings a caller's files to the instance that runs the workflow, and keeps callers away from each other's files. */
export class InputPlacement {
  readonly #parts: WorkflowParts;
  /** Uploads that are under way. */
  readonly #uploading = new Map<string, Promise<void>>();

  constructor(parts: WorkflowParts) {
    this.#parts = parts;
  }

  /**
   * Resolves the names in a workflow. Throws WORKFLOW_VALIDATION_ERROR for a file that is not the caller's, and
   * CONNECTION_ERROR when no instance can be asked what its inputs are.
   */
  async prepare(caller: Caller, workflow: Graph): Promise<Prepared> {
    if (caller.admin && !mayNameFiles(workflow)) return { workflow, inputs: [], pinned: undefined };
    const found: Findings = { inputs: new Map(), changes: [], faults: [], pins: new Set() };
    const declarations = await this.#declarations(caller, workflow);
    const references = fileReferences(workflow, declarations, !caller.admin);
    const mentions = caller.admin ? [] : fileMentions(workflow, declarations);
    if (Math.max(references.length, mentions.length) > limits.fileReferences) throw tooManyFiles();
    const paths = mentions.flatMap((mention) => (mention.kind === 'path' ? [mention.path] : []));
    const ownership = await FileOwnership.of(this.#parts.records, caller, { references, paths });
    for (const reference of references) resolve(reference, ownership.ofReference(reference), found);
    for (const mention of mentions) check(mention, ownership, found);
    if (found.faults.length > 0) throw fail('WORKFLOW_VALIDATION_ERROR', found.faults.slice(0, 3).map((fault) => fault.reason).join(' '), { faults: found.faults.slice(0, limits.faults) });
    return { workflow: found.changes.length > 0 ? rewrite(workflow, found.changes) : workflow, inputs: [...found.inputs.values()], pinned: this.#pinned(found.pins) };
  }

  /** Uploads what that instance does not have yet; those who need the same file there at the same time share one upload. Throws CONNECTION_ERROR or UPSTREAM_ERROR. */
  async place(instance: Instance, inputs: readonly InputRecord[], signal: AbortSignal): Promise<void> {
    for (const record of inputs) {
      const key = [instance.name, record.type, record.upstreamSubfolder, record.upstreamName].join('\n');
      // Whoever waited looks again: the other's upload may have failed.
      for (let other = this.#uploading.get(key); other; other = this.#uploading.get(key)) await other.catch(() => undefined);
      const uploading = this.#upload(instance, record, signal).finally(() => this.#uploading.delete(key));
      this.#uploading.set(key, uploading);
      await uploading;
    }
  }

  async #upload(instance: Instance, record: InputRecord, signal: AbortSignal): Promise<void> {
    const { records, comfyui } = this.#parts;
    if (await records.inputs.placed(instance.name, record)) return;
    const file = { name: record.upstreamName, subfolder: record.upstreamSubfolder, type: record.type, mediaType: record.mediaType, size: record.size, open: () => records.open(record) };
    await comfyui.files.upload(instance, file, signal);
    await records.inputs.place(instance.name, record);
  }

  /** The instance says that it does not have these after all (its input folder was emptied). */
  async forget(instance: Instance, inputs: readonly InputRecord[]): Promise<void> {
    for (const record of inputs) await this.#parts.records.inputs.unplace(instance.name, record);
  }

  /** Of every instance that may run the workflow: what one takes for a word may be a file to another. */
  async #declarations(caller: Caller, workflow: Graph): Promise<NodeDeclarations[]> {
    const { pool, comfyui } = this.#parts;
    const asked = await Promise.allSettled(pool.healthy().map((instance) => comfyui.info.declarations(instance)));
    const known = asked.flatMap((answer) => (answer.status === 'fulfilled' ? [answer.value] : []));
    const failed = asked.find((answer) => answer.status === 'rejected');
    const strange = [...classesOf(workflow).values()].some((name) => !known.some((declarations) => declarations.has(name)));
    if (failed && (known.length === 0 || (strange && !caller.admin))) throw failed.reason;
    if (asked.length === 0 && !caller.admin) throw fail('CONNECTION_ERROR', `no instance can take the workflow now (${pool.all().map((instance) => instance.name).join(', ')}).`, { retryAfter: 5 });
    return known;
  }

  #pinned(pins: ReadonlySet<string>): Instance | undefined {
    const [name, ...others] = pins;
    if (name === undefined) return undefined;
    if (others.length > 0) throw fail('WORKFLOW_VALIDATION_ERROR', `the workflow reads outputs of several instances (${[...pins].join(', ')}); upload them as inputs instead.`);
    const instance = this.#parts.pool.get(name);
    if (!instance) throw fail('CONNECTION_ERROR', `the workflow reads an output of instance ${name}, which is not configured any more.`);
    return instance;
  }
}

function upstreamPath(record: InputRecord): string {
  const path = record.upstreamSubfolder === '' ? record.upstreamName : `${record.upstreamSubfolder}/${record.upstreamName}`;
  return record.type === 'input' ? path : `${path} [${record.type}]`;
}

function resolve(reference: FileReference, standing: Standing, found: Findings): void {
  const { nodeId, input, at } = reference;
  take(standing, found);
  if (standing.kind === 'refused') found.faults.push(notYours(reference));
  if (standing.kind === 'input') found.changes.push({ nodeId, input, at, text: upstreamPath(standing.record) });
}

function check(mention: Mention, ownership: FileOwnership, found: Findings): void {
  if (mention.kind !== 'path') return void found.faults.push(faultOf(mention));
  const standing = ownership.ofPath(mention.path);
  take(standing, found);
  if (standing.kind === 'refused') found.faults.push(notYours(mention));
}

function take(standing: Standing, { inputs, pins }: Findings): void {
  if (standing.kind === 'input') inputs.set(standing.record.path, standing.record);
  if (standing.kind === 'pin') pins.add(standing.instance);
}
