import { Readable } from 'node:stream';
import { contentTypes } from '../../constants/content-types.ts';
import { fail, failedWith, type GatewayError } from '../../core/errors.ts';
import type { UpstreamFile } from '../../models/comfyui-files.ts';
import type { Conversion, FileAnswer, FileConditions, FileRef } from '../../models/file.ts';
import type { Instance } from '../../models/instance.ts';
import { wanted } from '../../molecules/conversion/conversion.ts';
import { etagOf, isOneRange, isUnchanged, partOf } from '../../molecules/output-store/conditions.ts';
import { type Location, notFound } from './location.ts';
import type { ImageParts } from './parts.ts';

export interface Download {
  readonly location: Location;
  readonly conditions: FileConditions;
  readonly conversion: Conversion;
}

/** A copy of ours on disk. */
interface Local {
  readonly ref: FileRef;
  readonly contentType: string;
  readonly file: { readonly size: number; readonly modifiedAt: Date };
  read(range?: { start: number; end: number }): Readable;
}

interface Relayed {
  readonly ref: FileRef;
  readonly instances: readonly Instance[];
}

/** Opens files for callers: our own copy where there is one, else a stream from the instance. */
export class Downloads {
  readonly #parts: ImageParts;

  constructor(parts: ImageParts) {
    this.#parts = parts;
  }

  async open(download: Download, signal: AbortSignal): Promise<FileAnswer> {
    const local = await this.#local(download.location);
    if (local) return wanted(download.conversion) ? this.#converted(local, download, signal) : plain(local, download.conditions);
    const from = { ref: refOf(download.location), instances: this.#instances(download.location) };
    return wanted(download.conversion) ? this.#convertedRelay(from, download, signal) : this.#relay(from, download.conditions, signal);
  }

  async #local(location: Location): Promise<Local | undefined> {
    const { stores } = this.#parts;
    if (location.kind === 'foreign') return undefined;
    if (location.kind === 'input') {
      const { record } = location;
      const file = await stores.inputs.find(record.path);
      return file && { ref: { filename: record.name, subfolder: record.subfolder, type: record.type }, contentType: record.mediaType, file, read: (range) => stores.inputs.open(record.path, range) };
    }
    const { promptId, ref } = location;
    await this.#parts.copied(promptId, ref);
    const file = await stores.outputs.find(promptId, ref).catch((error: unknown) => {
      if (failedWith(error, 'FILE_OPERATION_ERROR')) return undefined;
      throw error;
    });
    return file && { ref, contentType: contentTypeOf(ref.filename), file, read: (range) => stores.outputs.read(file, range) };
  }

  #instances(location: Location): readonly Instance[] {
    const { pool } = this.#parts;
    if (location.kind !== 'output') return pool.all();
    const instance = pool.get(location.instance);
    if (!instance) throw fail('CONNECTION_ERROR', `the file is on instance ${location.instance}, which is not configured any more, and there is no copy here.`);
    return [instance];
  }

  /** The first instance that has it. */
  async #view(from: Relayed, request: { range?: string | undefined; ifNoneMatch?: string | undefined; head?: boolean }, signal: AbortSignal): Promise<UpstreamFile> {
    let failure: GatewayError | undefined;
    for (const instance of from.instances) {
      try {
        const found = await this.#parts.files.view(instance, { ref: from.ref, ...request }, signal);
        if (found.status !== 404) return found;
        found.body.resume();
      } catch (error) {
        if (!failedWith(error)) throw error;
        failure = error;
      }
    }
    throw failure ?? notFound(from.ref, '; the instance does not have it any more');
  }

  async #relay(from: Relayed, conditions: FileConditions, signal: AbortSignal): Promise<FileAnswer> {
    const range = conditions.range !== undefined && conditions.ifRange === undefined && isOneRange(conditions.range) ? conditions.range : undefined;
    const found = await this.#view(from, { range, ifNoneMatch: conditions.ifNoneMatch, head: conditions.head }, signal);
    const answer = relayed(from.ref, found);
    if (answer.part === 'unsatisfiable' || answer.part === 'unchanged' || !isUnchanged(conditions, answer)) return answer;
    found.body.destroy();
    return { ...answer, body: undefined, part: 'unchanged' };
  }

  async #converted(local: Local, { conversion, conditions }: Download, signal: AbortSignal): Promise<FileAnswer> {
    const etag = etagOf(local.file, variantOf(conversion));
    const validators = { etag, lastModified: local.file.modifiedAt };
    if (isUnchanged(conditions, validators)) return { ...nothing(local.ref, local.contentType), ...validators, part: 'unchanged' };
    const made = await this.#parts.converter.convert(() => Promise.resolve(local.read()), conversion, signal);
    return { ...answerOf(local.ref, made), ...validators };
  }

  /** The file is fetched when its turn to be converted has come. */
  async #convertedRelay(from: Relayed, { conversion, conditions }: Download, signal: AbortSignal): Promise<FileAnswer> {
    const fetched: UpstreamFile[] = [];
    const open = async (): Promise<Readable> => {
      const source = await this.#view(from, {}, signal);
      fetched.push(source);
      return source.body;
    };
    const made = await this.#parts.converter.convert(open, conversion, signal).catch((error: unknown) => {
      throw fetched.some(({ body }) => body.errored === error) && !signal.aborted ? fail('CONNECTION_ERROR', 'the instance broke off while the file was fetched.', { cause: error }) : error;
    });
    const upstream = fetched[0]?.headers.etag;
    const etag = upstream === undefined ? undefined : `"${upstream.replace(/^W\/|"/g, '')}-${variantOf(conversion)}"`;
    const answer = { ...answerOf(from.ref, made), etag };
    return isUnchanged(conditions, answer) ? { ...answer, body: undefined, part: 'unchanged' } : answer;
  }
}

/** A file as an instance gives it. */
function relayed(ref: FileRef, { status, headers, body }: UpstreamFile): FileAnswer {
  const { contentType, contentLength, contentRange, etag, lastModified } = headers;
  const range = /^bytes (?:(\d+)-(\d+)|\*)\/(\d+|\*)$/.exec(contentRange ?? '');
  const modified = new Date(lastModified ?? NaN);
  return {
    body,
    filename: ref.filename,
    contentType: contentType ?? contentTypeOf(ref.filename),
    size: range ? Number(range[3]) || undefined : contentLength,
    etag,
    lastModified: Number.isNaN(modified.getTime()) ? undefined : modified,
    part: status === 304 ? 'unchanged' : status === 416 ? 'unsatisfiable' : status === 206 && range ? { start: Number(range[1]), end: Number(range[2]) } : 'whole',
    ranges: true,
  };
}

function plain(local: Local, conditions: FileConditions): FileAnswer {
  const validators = { etag: etagOf(local.file), lastModified: local.file.modifiedAt, size: local.file.size };
  const part = partOf(conditions, validators);
  const body = conditions.head || part === 'unchanged' || part === 'unsatisfiable' ? undefined : local.read(part === 'whole' ? undefined : part);
  return { ...nothing(local.ref, local.contentType), ...validators, body, part, ranges: true };
}

function nothing(ref: FileRef, contentType: string): FileAnswer {
  return { body: undefined, filename: ref.filename, contentType, size: undefined, etag: undefined, lastModified: undefined, part: 'whole', ranges: false };
}

/** A converted picture: its name ends as its new format does, and ranges are not served. */
function answerOf(ref: FileRef, made: { bytes: Buffer; contentType: string }): FileAnswer {
  const extension = made.contentType.slice('image/'.length).replace('jpeg', 'jpg');
  const filename = `${ref.filename.replace(/\.[^.]*$/, '')}.${extension}`;
  return { ...nothing({ ...ref, filename }, made.contentType), body: Readable.from([made.bytes]), size: made.bytes.length };
}

function variantOf({ format, quality, width, height }: Conversion): string {
  return [format ?? 'same', quality ?? '', width ?? '', height ?? ''].join('.');
}

function contentTypeOf(filename: string): string {
  return contentTypes[filename.slice(filename.lastIndexOf('.') + 1).toLowerCase()] ?? 'application/octet-stream';
}

function refOf(location: Location): FileRef {
  if (location.kind !== 'input') return location.ref;
  return { filename: location.record.upstreamName, subfolder: location.record.upstreamSubfolder, type: location.record.type };
}
