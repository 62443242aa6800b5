/** Whether the inputs and outputs of an engine are those of the workflow or app that it runs. */
import type { HubTarget, RunningHubApi } from '../../models/runninghub.ts';
import { mediaKinds, type Target } from '../../models/template.ts';

/** What may be set of a node: the name of each field, and the kind of file that it names, `''` for none; undefined where nobody knows. */
type Fields = ReadonlyMap<string, string | undefined>;

export interface Place extends Target {
  readonly name: string;
  /** Of the input: `image`, `text`, … */
  readonly kind: string;
}

export interface Wanted {
  readonly places: readonly Place[];
  /** Nodes whose outputs count. */
  readonly outputs: readonly string[] | undefined;
  readonly kind: HubTarget['kind'];
}

/** One sentence for each thing that does not fit. Pure. */
export function fitOf({ places, outputs = [], kind }: Wanted, has: ReadonlyMap<string, Fields>): string[] {
  const ofPlaces = places.flatMap((place) => {
    const words = wordsOf(place, has);
    return words === undefined ? [] : [`${place.name}: ${words}`];
  });
  // An app tells of inputs alone.
  const strange = kind === 'app' ? [] : outputs.filter((node) => !has.has(node));
  return [...ofPlaces, ...(strange.length === 0 ? [] : [`outputs: there is no node ${strange.join(', ')}; nothing would be kept of what comes out`])];
}

function wordsOf({ node, input, kind }: Place, has: ReadonlyMap<string, Fields>): string | undefined {
  const fields = has.get(node);
  if (!fields) return `there is no node ${node} that can be set; there are: ${[...has.keys()].join(', ') || 'none'}`;
  if (!fields.has(input)) return `node ${node} has no field "${input}"; it has: ${[...fields.keys()].join(', ') || 'none'}`;
  const file = fields.get(input);
  if (file === undefined || file === kind || (file === '' && !mediaKinds.some((media) => media === kind))) return undefined;
  return file === '' ? `its kind is ${kind}, and field "${input}" of node ${node} takes no file` : `its kind is ${kind}, and field "${input}" of node ${node} takes a file: kind must be ${file}`;
}

/** Classes of nodes that load a file, and the field that names it. */
const loaders: Readonly<Record<string, readonly [field: string, kind: string]>> = { LoadImage: ['image', 'image'], LoadImageMask: ['image', 'image'], LoadAudio: ['audio', 'audio'], LoadVideo: ['file', 'video'], VHS_LoadVideo: ['video', 'video'] };

/** By node, and whether it needs a password, which a workflow does not tell. */
export async function fieldsOf(api: Pick<RunningHubApi, 'workflowFormat' | 'appInfo'>, { kind, id }: HubTarget, signal: AbortSignal): Promise<{ readonly fields: ReadonlyMap<string, Fields>; readonly needsPassword: boolean }> {
  if (kind === 'app') {
    const { inputs, needs_password: needsPassword } = await api.appInfo(id, signal);
    return { fields: new Map([...Map.groupBy(inputs, (input) => input.node_id)].map(([node, its]) => [node, new Map(its.map(({ field, upload }) => [field, upload ?? '']))])), needsPassword };
  }
  return { fields: new Map(Object.entries(await api.workflowFormat(id, signal)).map(([node, entry]) => [node, fieldsOfNode(entry)])), needsPassword: false };
}

function fieldsOfNode(entry: unknown): Fields {
  const inputs: unknown = typeof entry === 'object' && entry !== null && 'inputs' in entry ? entry.inputs : undefined;
  const [field, kind] = loaders[typeof entry === 'object' && entry !== null && 'class_type' in entry ? String(entry.class_type) : ''] ?? [];
  return new Map(typeof inputs === 'object' && inputs !== null ? Object.keys(inputs).map((name) => [name, name === field ? kind : undefined]) : []);
}
