export interface KeptFile {
  readonly bytes: Buffer;
  readonly mediaType: string;
  /** Milliseconds since 1970. */
  expiresAt: number;
}

const MAX_FILES = 2_000;
const MAX_BYTES = 256 * 1024 * 1024;

const MEDIA_TYPES: Readonly<Record<string, string>> = {
  png: 'image/png', jpg: 'image/jpeg', jpeg: 'image/jpeg', webp: 'image/webp', txt: 'text/plain; charset=utf-8', mp4: 'video/mp4', mp3: 'audio/mpeg', wav: 'audio/wav', zip: 'application/zip',
};

/** The files that the second host serves, by path. The oldest go when there are too many. */
export class FileShelf {
  readonly #files = new Map<string, KeptFile>();
  #bytes = 0;

  put(path: string, bytes: Buffer, expiresAt: number): void {
    this.#remove(path);
    this.#files.set(path, { bytes, mediaType: mediaTypeOf(path), expiresAt });
    this.#bytes += bytes.length;
    for (const oldest of this.#files.keys()) {
      if (this.#files.size <= MAX_FILES && this.#bytes <= MAX_BYTES) break;
      this.#remove(oldest);
    }
  }

  get(path: string): KeptFile | undefined {
    return this.#files.get(path);
  }

  /** Lets every file whose path starts so run out now. */
  expire(prefix: string): void {
    for (const [path, file] of this.#files) if (path.startsWith(prefix)) file.expiresAt = 0;
  }

  #remove(path: string): void {
    this.#bytes -= this.#files.get(path)?.bytes.length ?? 0;
    this.#files.delete(path);
  }
}

export function extensionOf(name: string): string {
  return /\.([a-z0-9]{1,12})$/i.exec(name)?.[1]?.toLowerCase() ?? '';
}

function mediaTypeOf(path: string): string {
  return MEDIA_TYPES[extensionOf(path)] ?? 'application/octet-stream';
}
