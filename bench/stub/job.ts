/** What a submitted graph asks of the stub, and the shapes in which ComfyUI tells of it. */
export interface Job {
  readonly number: number;
  readonly promptId: string;
  readonly clientId: string;
  readonly graph: Readonly<Record<string, unknown>>;
  readonly extraData: Readonly<Record<string, unknown>>;
  readonly milliseconds: number;
  readonly steps: number;
  readonly bytes: number;
  readonly worker: string;
  readonly output: string;
}

export interface HistoryEntry {
  readonly prompt: readonly unknown[];
  readonly outputs: Readonly<Record<string, unknown>>;
  readonly status: { readonly status_str: 'success' | 'error'; readonly completed: boolean; readonly messages: readonly (readonly [string, unknown])[] };
  readonly meta: Readonly<Record<string, unknown>>;
}

type Fields = Readonly<Record<string, unknown>>;

export function fieldsOf(value: unknown): Fields {
  return typeof value === 'object' && value !== null ? { ...value } : {};
}

const numberOf = (value: unknown, fallback: number): number => (typeof value === 'number' ? value : fallback);
const textOf = (value: unknown): string => (typeof value === 'string' ? value : '');

/** Undefined when the graph lacks a BenchOutput node. */
export function jobOf(body: Fields, number: number): Job | undefined {
  const graph = fieldsOf(body['prompt']);
  const nodes = Object.entries(graph).map(([id, node]) => ({ id, type: fieldsOf(node)['class_type'], inputs: fieldsOf(fieldsOf(node)['inputs']) }));
  const work = nodes.find((node) => node.type === 'BenchWork');
  const output = nodes.find((node) => node.type === 'BenchOutput');
  if (!output || !work) return undefined;
  const clientId = textOf(body['client_id']);
  return {
    number,
    promptId: textOf(body['prompt_id']) || crypto.randomUUID(),
    clientId,
    graph,
    extraData: { ...fieldsOf(body['extra_data']), client_id: clientId },
    milliseconds: numberOf(work.inputs['milliseconds'], 0),
    steps: numberOf(work.inputs['steps'], 0),
    bytes: numberOf(output.inputs['bytes'], 65_536),
    worker: work.id,
    output: output.id,
  };
}

/** An item of GET /queue and the `prompt` of a history entry. */
export function itemOf(job: Job): readonly unknown[] {
  return [job.number, job.promptId, job.graph, job.extraData, [job.output]];
}
