import type { Caller } from '../../models/caller.ts';
import type { FileRef, FileType } from '../../models/file.ts';
import type { InputRecord, InputRecords, OwnedOutput, PromptRecords } from '../../models/records.ts';
import type { FileReference } from '../../molecules/graph/file-references.ts';
import { isPlain, type PathName } from '../../molecules/graph/names.ts';

/** What a name stands for: an upload of the caller, an output on one instance, nobody's file in particular, or not the caller's to use. */
export type Standing =
  | { readonly kind: 'input'; readonly record: InputRecord }
  | { readonly kind: 'pin'; readonly instance: string }
  | { readonly kind: 'as-is' }
  | { readonly kind: 'refused' };

/** Folders above a file that may be part of its name in ComfyUI. */
const DEPTH = 8;

/** Whose file a name is, by what the records say. */
export class FileOwnership {
  readonly #inputs: Pick<InputRecords, 'find' | 'findUpstream'>;
  readonly #prompts: Pick<PromptRecords, 'newestOutput'>;

  constructor(records: { readonly inputs: Pick<InputRecords, 'find' | 'findUpstream'>; readonly prompts: Pick<PromptRecords, 'newestOutput'> }) {
    this.#inputs = records.inputs;
    this.#prompts = records.prompts;
  }

  /** A name that ComfyUI reads by its own rules: what is not known to be the caller's is refused, except plain names in the input folder that no key owns. */
  async ofReference(caller: Caller, { ref, value }: Pick<FileReference, 'ref' | 'value'>): Promise<Standing> {
    const mine = await this.#inputs.find(caller.key, ref);
    if (mine) return { kind: 'input', record: mine };
    if (!caller.admin && !isPlain(value)) return { kind: 'refused' };
    if (ref.type === 'input') return this.#upload(caller, ref.filename);
    const output = await this.#output(caller, ref);
    if (output.kind !== 'as-is' || caller.admin) return output;
    return { kind: 'refused' };
  }

  /** A path that a node may read: refused when it can be another key's upload or output and none of the caller's. */
  async ofPath(caller: Caller, path: PathName): Promise<Standing> {
    const upload = await this.#upload(caller, path.filename);
    if (upload.kind !== 'as-is') return upload;
    for (let depth = 0; depth <= Math.min(DEPTH, path.folders.length); depth += 1) {
      const subfolder = path.folders.slice(path.folders.length - depth).join('/');
      for (const type of ['output', 'temp'] satisfies FileType[]) {
        const output = await this.#output(caller, { filename: path.filename, subfolder, type });
        if (output.kind !== 'as-is') return output;
      }
    }
    return { kind: 'as-is' };
  }

  /** Names on the servers are in small letters; a file system may not care. */
  async #upload(caller: Caller, filename: string): Promise<Standing> {
    const uploads = await this.#inputs.findUpstream(filename.toLowerCase());
    const own = uploads.find((record) => record.key === caller.key) ?? (caller.admin ? uploads[0] : undefined);
    if (own) return { kind: 'input', record: own };
    return { kind: uploads.length > 0 ? 'refused' : 'as-is' };
  }

  async #output(caller: Caller, ref: FileRef): Promise<Standing> {
    const newest = await this.#prompts.newestOutput(undefined, ref);
    if (newest === undefined) return { kind: 'as-is' };
    const own = caller.admin || newest.key === caller.key ? newest : await this.#prompts.newestOutput(caller.key, ref);
    return own && !overwritten(own, newest) ? { kind: 'pin', instance: own.instance } : { kind: 'refused' };
  }
}

/** A server whose folders were emptied gives names again: under that name it now has the file of whoever came last. */
const overwritten = (own: OwnedOutput, newest: OwnedOutput): boolean => own.key !== newest.key && own.instance === newest.instance;
