/** Which values of a call are files, and which name files that are not there. Pure. */
import { contentTypes } from '../../constants/content-types.ts';
import type { Fault } from '../../models/problem.ts';
import type { HubApp } from '../../models/runninghub.ts';
import type { HostedValue } from '../../models/task.ts';
import type { MediaKind } from '../../models/template.ts';
import { hostedName } from './hosted.ts';
import { invalid } from './planning.ts';
import { isRemote, kindOf } from './source-kind.ts';

/** Names that uploads are kept under. */
const STORED = /^[0-9a-f]{32}\.[a-z0-9]+$/;

/** Values that may name an upload. */
export function storedNames(values: readonly HostedValue[]): string[] {
  return values.flatMap(({ fieldValue }) => (typeof fieldValue === 'string' && STORED.test(fieldValue) ? [fieldValue] : []));
}

export interface Known {
  /** Uploads of the caller: their names, and what they are. */
  readonly mine: ReadonlyMap<string, MediaKind>;
  /** What the app says of its inputs; nothing is known of a workflow. */
  readonly app: HubApp | undefined;
}

/**
 * Uploads of the caller, addresses where a file is wanted, and files that we hand out are files; other values go as they are. Throws VALIDATION_ERROR
 * for an upload that is none of the caller's, and for nothing where a file is wanted.
 */
export function withMedia(values: readonly HostedValue[], known: Known): HostedValue[] {
  const looked = values.map((value, n) => ({ value, n, wanted: wantedBy(value, known) }));
  const faults = looked.flatMap((one) => faultOf(one, known) ?? []);
  if (faults.length > 0) throw invalid(faults);
  return looked.map(({ value, wanted }) => ({ ...value, media: mediaOfValue(value, known, wanted) }));
}

interface Looked {
  readonly value: HostedValue;
  readonly n: number;
  readonly wanted: MediaKind | undefined;
}

/** The kind of file that the caller, or the app, says is wanted. */
const wantedBy = (value: HostedValue, { app }: Known): MediaKind | undefined => value.media ?? inputOf(value, app)?.upload;

const inputOf = ({ nodeId, fieldName }: HostedValue, app: HubApp | undefined): HubApp['inputs'][number] | undefined => app?.inputs.find((one) => one.node_id === nodeId && one.field === fieldName);

function faultOf({ value: { fieldValue: text }, n, wanted }: Looked, { mine }: Known): Fault | undefined {
  if (typeof text !== 'string') return undefined;
  if (text === '' && wanted !== undefined) return { input: hostedName(n), type: 'empty', reason: `is empty, where a file (${wanted}) is wanted; give what an upload answered with, or an address` };
  return STORED.test(text) && !mine.has(text) ? { input: hostedName(n), type: 'unknown_upload', reason: 'you have no upload of this name; upload the file again' } : undefined;
}

function mediaOfValue(value: HostedValue, { mine, app }: Known, wanted: MediaKind | undefined): MediaKind | undefined {
  const { fieldValue: text } = value;
  if (typeof text !== 'string') return undefined;
  // An app says of each input whether it is a file.
  const remote = wanted ?? (inputOf(value, app) ? undefined : kindOfOwn(text));
  return mine.get(text) ?? (isRemote(text) ? remote : undefined);
}

/** Of a file that we hand out, by its name; undefined for any other address. */
function kindOfOwn(text: string): MediaKind | undefined {
  const source = kindOf(text, '');
  const extension = source.kind === 'own' ? /\.(\w+)$/.exec(source.query.get('filename') ?? '')?.[1] : undefined;
  const type = contentTypes[extension?.toLowerCase() ?? ''];
  return type === undefined || !/^(image|video|audio)\//.test(type) ? undefined : mediaOf(type);
}

export const mediaOf = (mediaType: string): MediaKind => (mediaType.startsWith('video/') ? 'video' : mediaType.startsWith('audio/') ? 'audio' : 'image');
