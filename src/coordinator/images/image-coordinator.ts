import type { Readable } from 'node:stream';
import pLimit from 'p-limit';
import { reasonOf } from '../../core/errors.ts';
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
  readonly overwrite: boolean;
  readonly subfolder: string;
  readonly type: FileType;
}

/** Files of callers: handed over, and fetched. */
export class ImageCoordinator {
  readonly #parts: ImageParts;
  readonly #downloads: Downloads;
  /** Two uploads of one name at the same time must not both find it free. */
  readonly #naming = pLimit(1);

  constructor(parts: ImageParts) {
    this.#parts = parts;
    this.#downloads = new Downloads(parts);
  }

  /** Kept here, remembered as the caller's, and sent to every instance that can be reached; the others get it with the first workflow that needs it. */
  async upload(caller: Caller, file: IncomingFile, signal: AbortSignal): Promise<UploadAnswer> {
    const { records, stores, publicUrl, now } = this.#parts;
    const subfolder = safeSubfolder(file.subfolder);
    const stored = await stores.inputs.store(caller.key, file.body, signal);
    const wish = { key: caller.key, type: file.type, subfolder, name: safeName(file.filename) };
    const record = await this.#naming(async (): Promise<InputRecord> => {
      const name = file.overwrite ? wish.name : await this.#freeName(wish, stored.hash);
      const named = { ...wish, ...stored, name, upstreamSubfolder: subfolder, createdAt: now() };
      await records.inputs.put(named);
      return named;
    });
    await this.#send(record, signal);
    const url = fileUrl({ filename: record.upstreamName, subfolder, type: file.type }, { publicUrl });
    return { name: record.upstreamName, subfolder, type: file.type, url, original_name: record.name, media_type: record.mediaType, size: record.size };
  }

  async download(caller: Caller, request: { query: FileQuery; conditions: FileConditions; conversion: Conversion }, signal: AbortSignal): Promise<FileAnswer> {
    const location = await locate(this.#parts, caller, request.query);
    return this.#downloads.open({ key: caller.key, location, conditions: request.conditions, conversion: request.conversion }, signal);
  }

  /** The URL to fetch that file by, with `prompt_id` where it is an output. IMAGE_NOT_FOUND when the caller has no such file. */
  async url(caller: Caller, query: FileQuery): Promise<string> {
    const { publicUrl } = this.#parts;
    const location = await locate(this.#parts, caller, query);
    if (location.kind === 'output') return fileUrl(location.ref, { promptId: location.promptId, publicUrl });
    if (location.kind === 'foreign') return fileUrl(location.ref, { promptId: query.prompt_id, publicUrl });
    const { upstreamName, upstreamSubfolder, type } = location.record;
    return fileUrl({ filename: upstreamName, subfolder: upstreamSubfolder, type }, { publicUrl });
  }

  /** As ComfyUI does: `name (1).png` when the caller's name stands for other content already. */
  async #freeName(wish: { key: string; type: FileType; subfolder: string; name: string }, hash: string): Promise<string> {
    const dot = wish.name.lastIndexOf('.');
    const [stem, extension] = dot > 0 ? [wish.name.slice(0, dot), wish.name.slice(dot)] : [wish.name, ''];
    for (let count = 0; ; count += 1) {
      const name = count === 0 ? wish.name : `${stem} (${count})${extension}`;
      const taken = await this.#parts.records.inputs.find(wish.key, { filename: name, subfolder: wish.subfolder, type: wish.type });
      if (!taken || taken.hash === hash) return name;
    }
  }

  async #send(record: InputRecord, signal: AbortSignal): Promise<void> {
    const { pool, files, records, stores, log } = this.#parts;
    const upload = { name: record.upstreamName, subfolder: record.upstreamSubfolder, type: record.type, mediaType: record.mediaType, size: record.size, open: () => stores.inputs.open(record.path) };
    await Promise.all(
      pool.healthy().map(async (instance) => {
        try {
          if (await records.inputs.placed(instance.name, record)) return;
          await files.upload(instance, upload, signal);
          await records.inputs.place(instance.name, record);
        } catch (error) {
          log.warn('an upload did not reach an instance; it goes there with the first workflow that needs it', { instance: instance.name, reason: reasonOf(error) });
        }
      }),
    );
  }
}
