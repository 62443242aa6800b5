import { randomBytes } from 'node:crypto';
import type { Upload } from './asked.ts';
import { extensionOf, type FileShelf } from './file-shelf.ts';
import { sha256 } from './ids.ts';

const DAY_MS = 24 * 3_600_000;
const MAX_NAMES = 10_000;

const KINDS: Readonly<Record<string, string>> = { mp3: 'audio', wav: 'audio', flac: 'audio', mp4: 'video', avi: 'video', mov: 'video', mkv: 'video', zip: 'zip' };

/** Uploaded files: the same content gets the same name, which can be used for a day. */
export class Uploads {
  /** Name → when it runs out. */
  readonly #names = new Map<string, number>();
  readonly #shelf: FileShelf;
  readonly #filesUrl: () => string;

  constructor(shelf: FileShelf, filesUrl: () => string) {
    this.#shelf = shelf;
    this.#filesUrl = filesUrl;
  }

  /** `api/<64 hex>.png`, or 32 hex digits for a ZIP. */
  keepV1(file: Upload): string {
    const hash = sha256(file.bytes);
    const extension = extensionOf(file.filename);
    return this.#keep(extension === 'zip' ? hash.slice(0, 32) : `api/${hash}${extension && '.'}${extension}`, file);
  }

  keepV2(file: Upload): { type: string; download_url: string; fileName: string; size: string } {
    const extension = extensionOf(file.filename);
    const fileName = this.#keep(`openapi/${sha256(file.bytes)}${extension && '.'}${extension}`, file);
    return { type: KINDS[extension] ?? 'image', download_url: `${this.#urlOf(fileName)}?sign=${randomBytes(8).toString('hex')}`, fileName, size: String(file.bytes.length) };
  }

  /** The dialect of brief 003 answers with a URL. */
  keepAlt(file: Upload): string {
    return this.#urlOf(this.keepV1(file));
  }

  known(name: string): boolean {
    return (this.#names.get(name) ?? 0) > Date.now();
  }

  /** Every name runs out now. */
  expire(): void {
    this.#names.clear();
    this.#shelf.expire('/input/');
  }

  #keep(name: string, file: Upload): string {
    this.#names.delete(name);
    this.#names.set(name, Date.now() + DAY_MS);
    const [oldest] = this.#names.keys();
    if (this.#names.size > MAX_NAMES && oldest !== undefined) this.#names.delete(oldest);
    this.#shelf.put(`/input/${name}`, file.bytes, Date.now() + DAY_MS);
    return name;
  }

  #urlOf(name: string): string {
    return `${this.#filesUrl()}/input/${name}`;
  }
}
