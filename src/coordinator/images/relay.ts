import type { Readable } from 'node:stream';
import { fail, failedWith, type GatewayError } from '../../core/errors.ts';
import type { UpstreamFile, ViewRequest } from '../../models/comfyui-files.ts';
import type { FileAnswer, FileConditions, FileRef } from '../../models/file.ts';
import type { Instance } from '../../models/instance.ts';
import type { PromptRecords } from '../../models/records.ts';
import { isUnchanged, rangeApplies, rangeOf } from '../../molecules/output-store/conditions.ts';
import { relayed } from './answers.ts';
import { type Location, notFound } from './location.ts';
import type { ImageParts } from './parts.ts';

type RelayParts = Pick<ImageParts, 'pool' | 'files'> & { readonly records: { readonly prompts: Pick<PromptRecords, 'overwritten'> } };

/** Files that are fetched from instances while they are asked for. */
export class Relay {
  readonly #parts: RelayParts;

  constructor(parts: RelayParts) {
    this.#parts = parts;
  }

  /** As the instance answers. If-Range is judged here: instances know only its dates. */
  async open(location: Location, conditions: FileConditions, signal: AbortSignal): Promise<FileAnswer> {
    const { ifNoneMatch, head } = conditions;
    const ifModifiedSince = ifNoneMatch === undefined ? conditions.ifModifiedSince : undefined;
    const found = await this.view(location, { range: rangeOf(conditions), ifNoneMatch, ifModifiedSince, head }, signal);
    const answer = relayed(refOf(location), found);
    if (answer.part === 'unchanged') return answer;
    if (answer.part !== 'unsatisfiable' && isUnchanged(conditions, answer)) {
      found.body.destroy();
      return { ...answer, body: undefined, part: 'unchanged' };
    }
    if (answer.part === 'whole' || rangeApplies(conditions, answer)) return answer;
    found.body.destroy();
    return this.open(location, { ...conditions, range: undefined }, signal);
  }

  /** What the first instance gives that has it. Throws IMAGE_NOT_FOUND, also where the name is another file's by now, CONNECTION_ERROR or UPSTREAM_ERROR. */
  async view(location: Location, request: Omit<ViewRequest, 'ref'>, signal: AbortSignal): Promise<UpstreamFile> {
    const ref = refOf(location);
    if (location.kind === 'kept') throw notFound(ref, '; there is no copy here any more');
    if (location.kind === 'output' && (await this.#parts.records.prompts.overwritten(location.promptId, location.instance, ref))) throw notFound(ref, '; another prompt has overwritten it on its instance, and there is no copy here');
    let failure: GatewayError | undefined;
    for (const instance of this.#instances(location)) {
      try {
        const found = await this.#parts.files.view(instance, { ref, ...request }, signal);
        if (found.status !== 404) return found;
        found.body.resume();
      } catch (error) {
        if (!failedWith(error)) throw error;
        failure = error;
      }
    }
    throw failure ?? notFound(ref, '; the instance does not have it any more');
  }

  /** Bytes `start` to `end` of a file of that size. Throws as `view` does, and UPSTREAM_ERROR when it is another file by now. */
  async rest(location: Location, { start, end, size }: { readonly start: number; readonly end: number; readonly size: number }, signal: AbortSignal): Promise<Readable> {
    const found = await this.view(location, { range: `bytes=${start}-${end}` }, signal);
    if (found.headers.contentRange === `bytes ${start}-${end}/${size}`) return found.body;
    found.body.destroy();
    throw fail('UPSTREAM_ERROR', 'the file changed on its instance while it was fetched.');
  }

  #instances(location: Location): readonly Instance[] {
    const { pool } = this.#parts;
    if (location.kind !== 'output') return pool.all();
    const instance = pool.get(location.instance);
    if (!instance) throw fail('CONNECTION_ERROR', `the file is on instance ${location.instance}, which is not configured any more, and there is no copy here.`);
    return [instance];
  }
}

/** The name of a file on instances. */
export function refOf(location: Location): FileRef {
  if (location.kind !== 'input') return location.ref;
  return { filename: location.record.upstreamName, subfolder: location.record.upstreamSubfolder, type: location.record.type };
}
