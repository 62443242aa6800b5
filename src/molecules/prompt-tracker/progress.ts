/** How far a prompt is. Pure: an event in, a changed record and what to tell out. */
import type { PromptProgress } from '../../models/prompt-state.ts';
import type { PromptEvent } from '../../models/upstream-event.ts';

/** What is known of the run of one prompt. */
export interface Run {
  readonly classes: ReadonlyMap<string, string>;
  /** Nodes that ran to their end or were answered from the cache. */
  readonly done: Set<string>;
  node: string | null;
  value: number | undefined;
  max: number | undefined;
  /** 0..1, never goes back. */
  overall: number;
  /** Finished nodes in the states that were last told whole. */
  finishedTold: number;
}

export function newRun(classes: ReadonlyMap<string, string>): Run {
  return { classes, done: new Set(), node: null, value: undefined, max: undefined, overall: 0, finishedTold: 0 };
}

/** Takes in what an event says about progress. */
export function advance(run: Run, event: PromptEvent): void {
  switch (event.type) {
    case 'execution_cached':
      for (const node of strings(event.data['nodes'])) run.done.add(node);
      break;
    case 'executing':
      enter(run, event.data['node']);
      break;
    case 'progress':
      step(run, event.data);
      break;
    case 'progress_state':
      readStates(run, event.data['nodes']);
      break;
    case 'executed':
      if (typeof event.data['node'] === 'string') run.done.add(event.data['node']);
      break;
    case 'execution_success':
      run.overall = 1;
      break;
    case 'execution_start':
    case 'execution_error':
    case 'execution_interrupted':
      break;
    default: {
      const never: never = event.type;
      return never;
    }
  }
  run.overall = Math.max(run.overall, share(run));
}

function enter(run: Run, node: unknown): void {
  if (run.node !== null && run.node !== node) run.done.add(run.node);
  if (run.node !== node) run.value = run.max = undefined;
  run.node = typeof node === 'string' ? node : null;
}

function step(run: Run, data: Readonly<Record<string, unknown>>): void {
  if (typeof data['node'] === 'string' && data['node'] !== run.node) enter(run, data['node']);
  if (typeof data['value'] === 'number' && typeof data['max'] === 'number') [run.value, run.max] = [data['value'], data['max']];
}

function readStates(run: Run, nodes: unknown): void {
  if (typeof nodes !== 'object' || nodes === null) return;
  for (const [id, state] of Object.entries<unknown>({ ...nodes })) {
    if (isFinished(state)) run.done.add(id);
  }
}

/**
 * What to tell of ComfyUI's states of nodes, which at every step name all nodes that have finished: all of them (`whole`)
 * when one more has finished since, else those that have not.
 */
export function statesToTell(run: Run, nodes: unknown): { readonly nodes: unknown; readonly whole: boolean } {
  if (typeof nodes !== 'object' || nodes === null || Array.isArray(nodes)) return { nodes, whole: true };
  const all = Object.entries<unknown>({ ...nodes });
  const unfinished = all.filter(([, state]) => !isFinished(state));
  const finished = all.length - unfinished.length;
  const whole = finished !== run.finishedTold;
  run.finishedTold = finished;
  return { nodes: whole ? nodes : Object.fromEntries(unfinished), whole };
}

function isFinished(state: unknown): boolean {
  return typeof state === 'object' && state !== null && 'state' in state && state.state === 'finished';
}

/** Finished nodes of the graph plus the finished part of the one that runs. Nodes made by expansion do not count. */
function share(run: Run): number {
  if (run.classes.size === 0) return 0;
  let done = 0;
  for (const id of run.done) if (run.classes.has(id)) done += 1;
  const part = run.node !== null && !run.done.has(run.node) && run.value !== undefined && run.max ? Math.min(run.value / run.max, 1) : 0;
  return Math.min((done + part) / run.classes.size, 0.999);
}

export function progressOf(run: Run): PromptProgress {
  const classType = run.node === null ? undefined : run.classes.get(run.node);
  return {
    node: run.node,
    ...(classType === undefined ? {} : { class_type: classType }),
    ...(run.value === undefined ? {} : { value: run.value }),
    ...(run.max === undefined ? {} : { max: run.max }),
    overall: run.overall,
  };
}

function strings(value: unknown): string[] {
  return Array.isArray(value) ? value.filter((one) => typeof one === 'string') : [];
}
