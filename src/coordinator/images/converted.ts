import type { Conversion, FileAnswer, FileConditions, FileRef } from '../../models/file.ts';
import type { ConversionSource } from '../../molecules/conversion/conversion.ts';
import { etagOf, isConditional, isUnchanged } from '../../molecules/output-store/conditions.ts';
import { nothing, relayed } from './answers.ts';
import { stored } from './local.ts';
import type { Location } from './location.ts';
import type { ImageParts } from './parts.ts';
import { refOf, type Relay } from './relay.ts';

export interface ConvertedDownload {
  /** Whose share of the conversions it takes. */
  readonly key: string;
  readonly location: Location;
  readonly conditions: FileConditions;
  readonly conversion: Conversion;
}

interface Origin {
  readonly ref: FileRef;
  readonly validators: Pick<FileAnswer, 'etag' | 'lastModified'>;
}

/** Pictures in another format or size: of our own copy where there is one, else fetched when their turn has come. Ranges are not served. */
export class ConvertedDownloads {
  readonly #parts: ImageParts;
  readonly #relay: Relay;

  constructor(parts: ImageParts, relay: Relay) {
    this.#parts = parts;
    this.#relay = relay;
  }

  async open({ key, location, conditions, conversion }: ConvertedDownload, signal: AbortSignal): Promise<FileAnswer> {
    const variant = variantOf(conversion);
    if (isConditional(conditions)) {
      const { ref, validators } = await this.#origin(location, variant, { head: true, signal });
      if (isUnchanged(conditions, validators)) return { ...nothing(ref, ''), ...validators, part: 'unchanged' };
    }
    const { source, body, size, contentType } = await this.#parts.converter.convert({ key, open: () => this.#origin(location, variant, { head: false, signal }), conversion }, signal);
    return { ...nothing(source.ref, contentType), ...source.validators, filename: named(source.ref.filename, contentType), body, size };
  }

  /** What it is made of. With `head` the body is not for reading. */
  async #origin(location: Location, variant: string, { head, signal }: { readonly head: boolean; readonly signal: AbortSignal }): Promise<Origin & ConversionSource> {
    const local = await stored(this.#parts, location);
    if (local) return { ref: local.ref, path: local.path, validators: { etag: etagOf(local.file, variant), lastModified: local.file.modifiedAt } };
    const found = await this.#relay.view(location, { head }, signal);
    if (head) found.body.resume();
    const { etag } = relayed(refOf(location), found);
    return { ref: refOf(location), body: found.body, validators: { etag: etag === undefined ? undefined : `"${etag.replace(/^W\/|"/g, '')}-${variant}"`, lastModified: undefined } };
  }
}

function variantOf({ format, quality, width, height }: Conversion): string {
  return [format ?? 'same', quality ?? '', width ?? '', height ?? ''].join('.');
}

/** A converted picture is named as its new format is. */
function named(filename: string, contentType: string): string {
  return `${filename.replace(/\.[^.]*$/, '')}.${contentType.slice('image/'.length).replace('jpeg', 'jpg')}`;
}
