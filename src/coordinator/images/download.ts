import type { FileAnswer } from '../../models/file.ts';
import { wanted } from '../../molecules/conversion/conversion.ts';
import type { GrowingCopy } from '../../molecules/output-store/output-store.ts';
import { contentTypeOf } from './answers.ts';
import { type ConvertedDownload, ConvertedDownloads } from './converted.ts';
import { type Local, plain, stored } from './local.ts';
import type { Location } from './location.ts';
import type { ImageParts } from './parts.ts';
import { refOf, Relay } from './relay.ts';

/** Opens files for callers: our own copy, be it complete or on its way, else a stream from the instance. */
export class Downloads {
  readonly #parts: ImageParts;
  readonly #relay: Relay;
  readonly #converted: ConvertedDownloads;

  constructor(parts: ImageParts) {
    this.#parts = parts;
    this.#relay = new Relay(parts);
    this.#converted = new ConvertedDownloads(parts, this.#relay);
  }

  async open(download: ConvertedDownload, signal: AbortSignal): Promise<FileAnswer> {
    const { location, conditions, conversion } = download;
    const copy = await this.#copyOf(location);
    if (wanted(conversion)) {
      await settled(copy?.kept, signal);
      return this.#converted.open(download, signal);
    }
    const growing = copy && this.#growing(copy, location);
    const answer = growing && (await plain(growing, conditions));
    if (answer) return answer;
    const local = await stored(this.#parts, location);
    return (local && (await plain(local, conditions))) ?? this.#relay.open(location, conditions, signal);
  }

  /** The copy that is being made: a file is fetched from its instance once, whoever comes first. */
  async #copyOf(location: Location): Promise<GrowingCopy | undefined> {
    return location.kind === 'output' ? this.#parts.following(location.promptId, location.ref) : undefined;
  }

  /** A copy of known size, while it grows. A disk that fails meanwhile costs the copy, not the download. */
  #growing(copy: GrowingCopy, location: Location): Local | undefined {
    const { file } = copy;
    const ref = refOf(location);
    return file && { ref, contentType: contentTypeOf(ref.filename), file, open: (span) => copy.part(span, (position, signal) => this.#relay.rest(location, { start: position, end: span.end, size: file.size }, signal)) };
  }
}

/** Resolves when the promise has settled, whichever way. Throws the reason of the signal. */
async function settled(promise: Promise<void> | undefined, signal: AbortSignal): Promise<void> {
  signal.throwIfAborted();
  const { promise: gone, reject } = Promise.withResolvers<never>();
  const leave = (): void => reject(signal.reason);
  signal.addEventListener('abort', leave, { once: true });
  await Promise.race([promise?.catch(() => undefined), gone]).finally(() => signal.removeEventListener('abort', leave));
}
