import type { Readable } from 'node:stream';
import { fail, reasonOf } from '../../core/errors.ts';
import type { Caller } from '../../models/caller.ts';
import type { Conversion, FileAnswer, FileConditions, FileQuery, FileType, UploadAnswer } from '../../models/file.ts';
import { fileUrl } from '../../models/file-url.ts';
import type { InputRecord } from '../../models/records.ts';
import { safeName, safeSubfolder } from '../../molecules/input-store/input-store.ts';
import { Downloads } from './download.ts';
import { locate } from './location.ts';
import type { ImageParts } from './parts.ts';

/** A file as it arrives; `body` is pulled, never buffered whole. */
export interface IncomingFile {
  readonly filename: string;
  readonly body: Readable;
  /** What is known so far; all of it once `body` has ended. Throws what is wrong with it. */
  readonly details: () => UploadDetails;
}

export interface UploadDetails {
  readonly overwrite: boolean;
  readonly subfolder: string;
  readonly type: FileType;
}

/** Milliseconds that an upload waits for instances to take it, and bytes per millisecond that they are trusted with. */
const TAKING = { least: 5_000, bytesPerMs: 10_000 } as const;
/** Names with a number that are tried for an upload. */
const NUMBERED = 20;

/** Files of callers: handed over, and fetched. */
export class ImageCoordinator {
  readonly #parts: ImageParts;
  readonly #downloads: Downloads;

  constructor(parts: ImageParts) {
    this.#parts = parts;
    this.#downloads = new Downloads(parts);
  }

  /** Kept here, remembered as the caller's, and sent to every instance that takes it soon; the others get it with the first workflow that needs it. */
  async upload(caller: Caller, file: IncomingFile, signal: AbortSignal): Promise<UploadAnswer> {
    const { stores, publicUrl, now } = this.#parts;
    safeSubfolder(file.details().subfolder);
    const stored = await stores.inputs.store(caller.key, file.body, signal);
    const { overwrite, type, ...details } = file.details();
    const subfolder = safeSubfolder(details.subfolder);
    const record = await this.#named({ ...stored, key: caller.key, type, subfolder, name: safeName(file.filename), upstreamSubfolder: subfolder, createdAt: now() }, overwrite);
    await this.#send(record, signal);
    const url = fileUrl({ filename: record.upstreamName, subfolder, type }, { publicUrl });
    return { name: record.upstreamName, subfolder, type, url, original_name: record.name, media_type: record.mediaType, size: record.size };
  }

  async download(caller: Caller, request: { query: FileQuery; conditions: FileConditions; conversion: Conversion }, signal: AbortSignal): Promise<FileAnswer> {
    const location = await locate(this.#parts, caller, request.query);
    return this.#downloads.open({ key: caller.key, location, conditions: request.conditions, conversion: request.conversion }, signal);
  }

  /** The URL to fetch that file by, with `prompt_id` where it is an output. IMAGE_NOT_FOUND when the caller has no such file. */
  async url(caller: Caller, query: FileQuery): Promise<string> {
    const { publicUrl } = this.#parts;
    const location = await locate(this.#parts, caller, query);
    if (location.kind === 'output' || location.kind === 'kept') return fileUrl(location.ref, { promptId: location.promptId, publicUrl });
    if (location.kind === 'foreign') return fileUrl(location.ref, { promptId: query.prompt_id, publicUrl });
    const { upstreamName, upstreamSubfolder, type } = location.record;
    return fileUrl({ filename: upstreamName, subfolder: upstreamSubfolder, type }, { publicUrl });
  }

  /** Remembers it under its name, or where that stands for other content already, under the next that is free. */
  async #named(wish: InputRecord, overwrite: boolean): Promise<InputRecord> {
    const { inputs } = this.#parts.records;
    if (overwrite) {
      await inputs.put(wish);
      return wish;
    }
    for (const name of namesLike(wish.name, wish.hash)) {
      const record = { ...wish, name };
      if (await inputs.claim(record)) return record;
    }
    throw fail('CONFLICT', `every name like "${wish.name}" stands for another file.`);
  }

  async #send(record: InputRecord, signal: AbortSignal): Promise<void> {
    const { pool, files, records, stores, log } = this.#parts;
    const upload = { name: record.upstreamName, subfolder: record.upstreamSubfolder, type: record.type, mediaType: record.mediaType, size: record.size, open: () => stores.inputs.open(record.path) };
    const soon = AbortSignal.any([signal, AbortSignal.timeout(TAKING.least + Math.ceil(record.size / TAKING.bytesPerMs))]);
    await Promise.all(
      pool.healthy().map(async (instance) => {
        try {
          if (await records.inputs.placed(instance.name, record)) return;
          await files.upload(instance, upload, soon);
          await records.inputs.place(instance.name, record);
        } catch (error) {
          log.warn('an upload did not reach an instance; it goes there with the first workflow that needs it', { instance: instance.name, reason: reasonOf(error) });
        }
      }),
    );
  }
}

/** `name.png`, `name (1).png` and so on, as ComfyUI counts; where many have been handed over, the content is the number. */
function* namesLike(name: string, hash: string): Generator<string, void> {
  const dot = name.lastIndexOf('.');
  const [stem, extension] = dot > 0 ? [name.slice(0, dot), name.slice(dot)] : [name, ''];
  yield name;
  for (let count = 1; count <= NUMBERED; count += 1) yield `${stem} (${count})${extension}`;
  yield `${stem} (${hash.slice(0, 16)})${extension}`;
}
