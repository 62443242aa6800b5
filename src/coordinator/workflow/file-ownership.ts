import type { Caller } from '../../models/caller.ts';
import type { FileRef, FileType } from '../../models/file.ts';
import type { InputRecord, InputRecords, OutputPlace, PromptRecords } from '../../models/records.ts';
import type { FileReference } from '../../molecules/graph/file-references.ts';
import { isPlain, type PathName } from '../../molecules/graph/names.ts';

/** What a name stands for: an upload of the caller, an output on one instance, nobody's file in particular, or not the caller's to use. */
export type Standing =
  | { readonly kind: 'input'; readonly record: InputRecord }
  | { readonly kind: 'pin'; readonly instance: string }
  | { readonly kind: 'as-is' }
  | { readonly kind: 'refused' };

type Reference = Pick<FileReference, 'ref' | 'value'>;

interface OwnershipRecords {
  readonly inputs: Pick<InputRecords, 'findMany' | 'findUpstream'>;
  readonly prompts: Pick<PromptRecords, 'outputNames' | 'places' | 'overwritten'>;
}

/** Folders above a file that may be part of its name in ComfyUI. */
const DEPTH = 8;
/** Where a prompt leaves files. */
const MADE: readonly FileType[] = ['output', 'temp'];

/** Whose files the names of one workflow are, by what the records say: all of them are looked up together. */
export class FileOwnership {
  readonly #caller: Caller;
  /** Of the caller, by the name that it gave. */
  readonly #given = new Map<string, InputRecord>();
  /** Of everybody, by upstream name, newest first. */
  #uploads = new Map<string, InputRecord[]>();
  readonly #outputs = new Map<string, Standing>();

  private constructor(caller: Caller) {
    this.#caller = caller;
  }

  static async of(records: OwnershipRecords, caller: Caller, names: { readonly references: readonly Reference[]; readonly paths: readonly PathName[] }): Promise<FileOwnership> {
    const ownership = new FileOwnership(caller);
    const refs = distinct(names.references.map(({ ref }) => ref));
    const filenames = [...new Set([...refs, ...names.paths].map(({ filename }) => filename))];
    for (const record of await records.inputs.findMany(caller.key, refs)) ownership.#given.set(keyOf({ ...record, filename: record.name }), record);
    ownership.#uploads = Map.groupBy(await records.inputs.findUpstream([...new Set(filenames.map((name) => name.toLowerCase()))]), (record) => record.upstreamName);
    const made = await records.prompts.outputNames(filenames);
    const places = await records.prompts.places(distinct([...refs, ...names.paths.flatMap(candidates)].filter(({ filename }) => made.has(filename))));
    for (const [key, those] of Map.groupBy(places, keyOf)) ownership.#outputs.set(key, await standingOf(records, caller, those));
    return ownership;
  }

  /** A name that ComfyUI reads by its own rules: what is not known to be the caller's is refused, except plain names in the input folder that no key owns. */
  ofReference({ ref, value }: Reference): Standing {
    const mine = this.#given.get(keyOf(ref));
    if (mine) return { kind: 'input', record: mine };
    if (!this.#caller.admin && !isPlain(value)) return { kind: 'refused' };
    if (ref.type === 'input') return this.#upload(ref.filename);
    const output = this.#output(ref);
    if (output.kind !== 'as-is' || this.#caller.admin) return output;
    return { kind: 'refused' };
  }

  /** A path that a node may read: refused when it can be another key's upload or output and none of the caller's. */
  ofPath(path: PathName): Standing {
    const upload = this.#upload(path.filename);
    if (upload.kind !== 'as-is') return upload;
    return candidates(path).map((ref) => this.#output(ref)).find((output) => output.kind !== 'as-is') ?? { kind: 'as-is' };
  }

  /** Names on the servers are in small letters; a file system may not care. */
  #upload(filename: string): Standing {
    const uploads = this.#uploads.get(filename.toLowerCase()) ?? [];
    const own = uploads.find((record) => record.key === this.#caller.key) ?? (this.#caller.admin ? uploads[0] : undefined);
    if (own) return { kind: 'input', record: own };
    return { kind: uploads.length > 0 ? 'refused' : 'as-is' };
  }

  #output(ref: FileRef): Standing {
    return this.#outputs.get(keyOf(ref)) ?? { kind: 'as-is' };
  }
}

/** Of an output that was made under that name on each of these instances: the newest that is the caller's. */
async function standingOf(records: OwnershipRecords, caller: Caller, places: readonly OutputPlace[]): Promise<Standing> {
  let newest = { instance: '', endedAt: -1 };
  for (const place of places) {
    const own = await ownOn(records, caller, place);
    if (own !== undefined && own > newest.endedAt) newest = { instance: place.instance, endedAt: own };
  }
  return newest.endedAt < 0 ? { kind: 'refused' } : { kind: 'pin', instance: newest.instance };
}

/** When the caller made what is there, undefined when it is another key's: a server whose folders were emptied gives names again. */
async function ownOn(records: OwnershipRecords, { key, admin }: Caller, place: OutputPlace): Promise<number | undefined> {
  const { instance, written, cached } = place;
  if (admin) return Math.max(written?.endedAt ?? 0, cached?.endedAt ?? 0);
  if (written?.key === key) return written.endedAt;
  return cached?.key === key && !(await records.prompts.overwritten(cached.promptId, instance, place)) ? cached.endedAt : undefined;
}

/** The files of prompts that a path can be, the shortest first. */
function candidates({ filename, folders }: PathName): FileRef[] {
  const subfolders = Array.from({ length: Math.min(DEPTH, folders.length) + 1 }, (_, depth) => folders.slice(folders.length - depth).join('/'));
  return subfolders.flatMap((subfolder) => MADE.map((type) => ({ filename, subfolder, type })));
}

const keyOf = ({ type, subfolder, filename }: FileRef): string => [type, subfolder, filename].join('\n');

const distinct = (refs: readonly FileRef[]): FileRef[] => [...new Map(refs.map((ref) => [keyOf(ref), ref])).values()];
