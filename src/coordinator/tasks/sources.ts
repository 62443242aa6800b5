import type { Readable } from 'node:stream';
import { fail, failedWith } from '../../core/errors.ts';
import type { Caller } from '../../models/caller.ts';
import { FileQuery } from '../../models/file.ts';
import type { InputRecord, InputRecords } from '../../models/records.ts';
import type { JobValue } from '../../models/engine.ts';
import type { Blueprint, MediaInput, Target, Template } from '../../models/template.ts';
import type { Workflow } from '../../models/workflow.ts';
import type { NodeDeclarations } from '../../models/node-declaration.ts';
import { fileReferences, rewrite, type Rewriting } from '../../molecules/graph/file-references.ts';
import { fileName } from '../../molecules/graph/names.ts';
import { classesOf } from '../../molecules/graph/read.ts';
import type { InputStore } from '../../molecules/input-store/input-store.ts';
import { isMedia } from '../../molecules/templates/render.ts';
import type { RemoteInput } from '../../molecules/remote-input/remote-input.ts';
import { KnownUrls } from './known-urls.ts';
import { isRemote, kindOf, namesRemote } from './source-kind.ts';

export interface SourceParts {
  readonly inputs: InputStore;
  readonly records: Pick<InputRecords, 'put' | 'find' | 'findUpstream'>;
  readonly remote: Pick<RemoteInput, 'fetch'>;
  /** Bytes of a data URI. */
  readonly decode: (uri: string) => Readable;
  /** A file of the caller that we hand out under that query. Throws IMAGE_NOT_FOUND. */
  readonly openOwn: (caller: Caller, query: FileQuery, signal: AbortSignal) => Promise<Readable>;
  /** What the instances declare of their nodes; those that can be asked. `complete`: all of them could. */
  readonly declarations: () => Promise<{ readonly known: readonly NodeDeclarations[]; readonly complete: boolean }>;
  readonly publicUrl: string;
  readonly now: () => number;
}

/** Where files lie that were fetched for tasks, in the caller's own names: no upload is called so. */
const FOLDER = 'fetched';

/** Brings the files that a task names to where graphs can name them. Each content is kept and sent to an instance once. */
export class Sources {
  readonly #parts: SourceParts;
  readonly #known = new KnownUrls<InputRecord>();

  constructor(parts: SourceParts) {
    this.#parts = parts;
  }

  /** Whether a file has to come from elsewhere, which may take its time. */
  isSlow({ workflow, media }: Blueprint): boolean {
    return media.some(({ source }) => kindOf(source, this.#parts.publicUrl).kind === 'url') || namesRemote(workflow);
  }

  /** The graph with its files in place. Throws what is wrong with one of them, naming its input. */
  async place(caller: Caller, blueprint: Blueprint, signal: AbortSignal): Promise<Workflow> {
    const workflow = await this.#withoutUrls(caller, blueprint.workflow, signal);
    const placed = await Promise.all(blueprint.media.map(async (media) => ({ media, value: await this.#named(caller, media, signal) })));
    return withValues(workflow, placed.flatMap(({ media, value }) => media.targets.map((target) => ({ target, value }))));
  }

  /** Values for a hosted engine, as `checkInputs` gave them, with the files that we have of them. Throws what is wrong with one, naming its input. */
  async collect(caller: Caller, { inputs }: Pick<Template, 'inputs'>, { values, signal }: { readonly values: Readonly<Record<string, unknown>>; readonly signal: AbortSignal }): Promise<JobValue[]> {
    return Promise.all(Object.entries(inputs).filter(([name]) => values[name] !== undefined).map(async ([name, input]): Promise<JobValue> => {
      const value = values[name];
      if (!isMedia(input) || typeof value !== 'string') return { name, targets: input.targets, value: { plain: value } };
      const { upstreamName, mediaType, size, hash, path } = await this.#blamed({ name, source: value }, signal, () => this.#record(caller, value, signal));
      return { name, targets: input.targets, value: { file: { name: upstreamName, mediaType, size, sha256: hash, open: () => this.#parts.inputs.open(path) } } };
    }));
  }

  /** Graphs may say where a file is in the place of its name. */
  async #withoutUrls(caller: Caller, workflow: Workflow, signal: AbortSignal): Promise<Workflow> {
    if (!namesRemote(workflow)) return workflow;
    const { known, complete } = await this.#parts.declarations();
    const strange = complete ? undefined : [...classesOf(workflow).values()].find((name) => !known.some((declared) => declared.has(name)));
    // An address that nobody takes for a file now would be handed over as a name of one.
    if (strange !== undefined) throw fail('CONNECTION_ERROR', `no instance that has node class "${strange.slice(0, 100)}" can be asked now which of its inputs are files.`);
    const references = fileReferences(workflow, known, false).filter(({ value }) => isRemote(value));
    const changes = await Promise.all(references.map(async ({ nodeId, input, at, value: source }): Promise<Rewriting> => ({ nodeId, input, at, text: await this.#named(caller, { name: `${nodeId}.${input}`, source }, signal) })));
    return changes.length > 0 ? rewrite(workflow, changes) : workflow;
  }

  #named(caller: Caller, media: Pick<MediaInput, 'name' | 'source'>, signal: AbortSignal): Promise<string> {
    return this.#blamed(media, signal, () => this.#resolve(caller, media.source, signal));
  }

  async #blamed<T>({ name, source }: Pick<MediaInput, 'name' | 'source'>, signal: AbortSignal, resolve: () => Promise<T>): Promise<T> {
    try {
      return await resolve();
    } catch (error) {
      if (!failedWith(error) || signal.aborted) throw error;
      const tried = kindOf(source, this.#parts.publicUrl).kind === 'url';
      throw fail(error.code, `input "${name}": ${error.detail}`, { cause: error, status: error.status, ...(tried ? { retryable: false } : {}), ...(error.retryAfter === undefined ? {} : { retryAfter: error.retryAfter }) });
    }
  }

  /** What a graph calls the file. */
  async #resolve(caller: Caller, source: string, signal: AbortSignal): Promise<string> {
    return kindOf(source, this.#parts.publicUrl).kind === 'name' ? this.#checked(caller, source) : nameOf(await this.#record(caller, source, signal));
  }

  /** What we have of the file, fetched first where it lies elsewhere. */
  async #record(caller: Caller, source: string, signal: AbortSignal): Promise<InputRecord> {
    const kind = kindOf(source, this.#parts.publicUrl);
    switch (kind.kind) {
      case 'data':
        return this.#keep(caller, this.#parts.decode(source), signal);
      case 'own':
        return this.#keep(caller, await this.#own(caller, kind.query, signal), signal);
      case 'url':
        return this.#known.share(`${caller.key}\n${source}`, (known) => this.#fetch(caller, source, known), signal);
      case 'path':
        return this.#keep(caller, await this.#parts.inputs.openBelow(kind.path, caller), signal);
      case 'name':
        return this.#upload(caller, source);
      default: {
        const never: never = kind;
        return never;
      }
    }
  }

  async #own(caller: Caller, query: URLSearchParams, signal: AbortSignal): Promise<Readable> {
    const parsed = FileQuery.safeParse(Object.fromEntries(query));
    if (!parsed.success) throw fail('VALIDATION_ERROR', 'the URL of ours does not name a file.');
    return this.#parts.openOwn(caller, parsed.data, signal);
  }

  async #upload(caller: Caller, source: string): Promise<InputRecord> {
    const { ref } = fileName(source);
    const { records } = this.#parts;
    const mine = (await records.find(caller.key, ref)) ?? (await records.findUpstream([ref.filename])).find((one) => one.type === ref.type && (caller.admin || one.key === caller.key));
    if (mine && (await this.#parts.inputs.find(mine.path))) return mine;
    throw fail('VALIDATION_ERROR', `you have no upload named "${source.slice(0, 200)}"; upload it with POST /api/v1/images/upload, or give a data: URI or an http(s) URL.`);
  }

  /** An upload's name: the graph names it as it is, if there is such a file of the caller. */
  async #checked(caller: Caller, source: string): Promise<string> {
    const { ref } = fileName(source);
    const { records } = this.#parts;
    if (ref.type !== 'input' || (await records.find(caller.key, ref))) return source;
    const owners = await records.findUpstream([ref.filename.toLowerCase()]);
    if (owners.some(({ key }) => caller.admin || key === caller.key)) return source;
    // What an operator put into ComfyUI's input folder is everybody's.
    if (owners.length === 0) return source;
    throw fail('VALIDATION_ERROR', `"${source.slice(0, 200)}" is neither an upload of yours, a path below input/, a data: URI nor an http(s) URL.`);
  }

  async #fetch(caller: Caller, url: string, known: Known | undefined): Promise<Known> {
    const limit = new AbortController().signal;
    const conditions = known && { etag: known.etag, lastModified: known.lastModified };
    const answer = await this.#parts.remote.fetch({ url, ...(conditions ? { conditions } : {}) }, (body) => this.#keep(caller, body, limit), limit);
    if (answer.kind === 'unchanged' && known && (await this.#parts.inputs.find(known.value.path))) return known;
    if (answer.kind === 'unchanged') return this.#fetch(caller, url, undefined);
    return { value: answer.value, etag: answer.etag, lastModified: answer.lastModified };
  }

  /** Stored by its content: the same bytes come to the same name. */
  async #keep(caller: Caller, body: Readable, signal: AbortSignal): Promise<InputRecord> {
    const stored = await this.#parts.inputs.store(caller.key, body, signal);
    const record: InputRecord = { ...stored, key: caller.key, type: 'input', subfolder: FOLDER, name: stored.upstreamName, upstreamSubfolder: '', createdAt: this.#parts.now() };
    await this.#parts.records.put(record);
    return record;
  }
}

type Known = { readonly value: InputRecord; readonly etag?: string | undefined; readonly lastModified?: string | undefined };

const nameOf = (record: InputRecord): string => record.upstreamName;

function withValues(workflow: Workflow, values: readonly { readonly target: Target; readonly value: string }[]): Workflow {
  const byNode = Map.groupBy(values, ({ target }) => target.node);
  return Object.fromEntries(
    Object.entries(workflow).map(([id, node]) => {
      const own = byNode.get(id);
      if (!own || typeof node !== 'object' || node === null) return [id, node];
      const inputs: unknown = 'inputs' in node ? node.inputs : {};
      return [id, { ...node, inputs: { ...(typeof inputs === 'object' ? inputs : {}), ...Object.fromEntries(own.map(({ target, value }) => [target.input, value])) } }];
    }),
  );
}
