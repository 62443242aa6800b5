import { fail } from '../../core/errors.ts';
import type { Caller } from '../../models/caller.ts';
import type { Instance } from '../../models/instance.ts';
import type { Fault } from '../../models/problem.ts';
import type { InputRecord } from '../../models/records.ts';
import { type FileReference, fileReferences, isPlain, mayNameFiles, rewrite } from '../../molecules/graph/file-references.ts';
import type { WorkflowParts } from './parts.ts';

type Graph = Readonly<Record<string, unknown>>;

/** A workflow whose file names are those of the instance, and the files it needs there. */
export interface Prepared {
  readonly workflow: Graph;
  readonly inputs: readonly InputRecord[];
  /** The only instance that can run it, since it reads outputs that are there. */
  readonly pinned: Instance | undefined;
}

/** Brings a caller's files to the instance that runs the workflow, and keeps callers away from each other's files. */
export class InputPlacement {
  readonly #parts: WorkflowParts;

  constructor(parts: WorkflowParts) {
    this.#parts = parts;
  }

  /** Resolves the names in a workflow. Throws WORKFLOW_VALIDATION_ERROR for a file that is not the caller's. */
  async prepare(caller: Caller, workflow: Graph): Promise<Prepared> {
    const asked = this.#parts.pool.healthy()[0];
    if (!asked || !mayNameFiles(workflow)) return { workflow, inputs: [], pinned: undefined };
    const references = fileReferences(workflow, await this.#parts.comfyui.info.declarations(asked));
    const inputs: InputRecord[] = [];
    const changes: { nodeId: string; input: string; value: string }[] = [];
    const faults: Fault[] = [];
    const pins = new Set<string>();
    for (const reference of references) {
      const resolved = await this.#resolve(caller, reference);
      if (resolved.kind === 'fault') faults.push(resolved.fault);
      if (resolved.kind === 'pin') pins.add(resolved.instance);
      if (resolved.kind !== 'input') continue;
      inputs.push(resolved.record);
      changes.push({ nodeId: reference.nodeId, input: reference.input, value: upstreamPath(resolved.record) });
    }
    if (faults.length > 0) throw fail('WORKFLOW_VALIDATION_ERROR', faults.map((fault) => fault.reason).join(' '), { faults });
    return { workflow: changes.length > 0 ? rewrite(workflow, changes) : workflow, inputs, pinned: this.#pinned(pins) };
  }

  /** Uploads what that instance does not have yet. Throws CONNECTION_ERROR or UPSTREAM_ERROR. */
  async place(instance: Instance, inputs: readonly InputRecord[], signal: AbortSignal): Promise<void> {
    const { records, comfyui } = this.#parts;
    for (const record of inputs) {
      if (await records.inputs.placed(instance.name, record)) continue;
      const file = { name: record.upstreamName, subfolder: record.upstreamSubfolder, type: record.type, mediaType: record.mediaType, size: record.size, open: () => records.open(record) };
      await comfyui.files.upload(instance, file, signal);
      await records.inputs.place(instance.name, record);
    }
  }

  /** The instance says that it does not have these after all (its input folder was emptied). */
  async forget(instance: Instance, inputs: readonly InputRecord[]): Promise<void> {
    for (const record of inputs) await this.#parts.records.inputs.unplace(instance.name, record);
  }

  async #resolve(caller: Caller, reference: FileReference): Promise<{ kind: 'input'; record: InputRecord } | { kind: 'pin'; instance: string } | { kind: 'as-is' } | { kind: 'fault'; fault: Fault }> {
    const { inputs, prompts } = this.#parts.records;
    const { ref } = reference;
    const mine = await inputs.find(caller.key, ref);
    if (mine) return { kind: 'input', record: mine };
    if (!caller.admin && !isPlain(reference.value)) return { kind: 'fault', fault: notYours(reference) };
    if (ref.type !== 'input') {
      const output = await prompts.newestOutput(caller.admin ? undefined : caller.key, ref);
      if (output) return { kind: 'pin', instance: output.instance };
      return caller.admin ? { kind: 'as-is' } : { kind: 'fault', fault: notYours(reference) };
    }
    const uploads = await inputs.findUpstream(ref.filename);
    const own = uploads.find((record) => record.key === caller.key) ?? (caller.admin ? uploads[0] : undefined);
    if (own) return { kind: 'input', record: own };
    return uploads.length > 0 ? { kind: 'fault', fault: notYours(reference) } : { kind: 'as-is' };
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

function notYours(reference: FileReference): Fault {
  return {
    node_id: reference.nodeId,
    class_type: reference.classType,
    input: reference.input,
    type: 'file_not_found',
    reason: `Node "${reference.nodeId}" reads "${reference.value}", and you have no such file.`,
  };
}
