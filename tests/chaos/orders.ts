/** What callers hand over: every sort of task, each with its Idempotency-Key, and what must come out of it. */
import { randomInt, randomUUID } from 'node:crypto';
import type { TaskStatus } from '../../src/models/task.ts';
import { fresh, type Graph } from '../support/graphs.ts';
import type { Files, Manner } from './files.ts';

export const sorts = ['graph', 'graph-with-url', 'template', 'pipeline'] as const;
export type Sort = (typeof sorts)[number];

export interface Picture {
  readonly width: number;
  readonly height: number;
  readonly colour: number;
}

export interface Wish {
  readonly sort: Sort;
  /** Name of an engine; a pipeline begins there and goes on at the other one. */
  readonly place: string;
  readonly manner?: Manner;
  readonly priority?: number;
  readonly webhook?: boolean;
  /** Milliseconds after which the caller hangs up without having read an answer; the call is made again later. */
  readonly hangUp?: number;
  /** Milliseconds after the answer at which it is cancelled. */
  readonly cancel?: number;
}

export interface Order {
  readonly wish: Wish;
  readonly key: string;
  readonly body: Readonly<Record<string, unknown>>;
  /** Of the file that it names, where it names one. */
  readonly source: string | undefined;
  /** In the order of its steps. */
  readonly wants: readonly Picture[];
  taskId: string | undefined;
  cancelAsked: boolean;
  /** What a cancel was answered with, where that was an ending. */
  cancelTold: TaskStatus | undefined;
}

const side = (): number => randomInt(17, 64);

export async function orderOf(wish: Wish, { files, hook }: { readonly files: Files; readonly hook: string }): Promise<Order> {
  const picture = wish.sort === 'graph' ? undefined : await files.picture(wish.manner ?? 'free');
  const key = randomUUID();
  const { body, wants } = asked(wish, picture?.url ?? '', picture?.colour ?? fresh());
  const options = { priority: wish.priority ?? 0, metadata: { key }, ...(wish.webhook === true ? { webhook_url: hook } : {}) };
  return { wish, key, body: { ...body, ...options }, source: picture?.url, wants, taskId: undefined, cancelAsked: false, cancelTold: undefined };
}

function asked({ sort, place: engine }: Wish, url: string, colour: number): { readonly body: Record<string, unknown>; readonly wants: readonly Picture[] } {
  const [width, height] = [side(), side()];
  switch (sort) {
    case 'graph':
      return { body: { workflow: painted({ width, height, colour }), engine }, wants: [{ width, height, colour }] };
    case 'graph-with-url':
      return { body: { workflow: loaded(url), engine }, wants: [{ width: 24, height: 16, colour }] };
    case 'template':
      return { body: { template: 'resize', inputs: { image: url, width, height }, engine }, wants: [{ width, height, colour }] };
    case 'pipeline':
      return { body: { task_type: `FROM_${engine.toUpperCase()}`, image: url, width, height }, wants: [{ width, height, colour }, { width: 2 * width, height: 2 * height, colour }] };
    default: {
      const never: never = sort;
      return never;
    }
  }
}

function painted({ width, height, colour }: Picture): Graph {
  return {
    '1': { class_type: 'EmptyImage', inputs: { width, height, batch_size: 1, color: colour } },
    '2': { class_type: 'SaveImage', inputs: { images: ['1', 0], filename_prefix: 'chaos/painted' } },
  };
}

/** The name of the file is its address, which nobody used before: nothing comes out of a cache. */
function loaded(url: string): Graph {
  return {
    '1': { class_type: 'LoadImage', inputs: { image: url } },
    '2': { class_type: 'SaveImage', inputs: { images: ['1', 0], filename_prefix: 'chaos/loaded' } },
  };
}

/** Pipelines for engine_config.yml: one step here, one there. */
export function pipelinesOver([one = '', other = '']: readonly string[]): Record<string, unknown> {
  const way = (from: string, to: string): unknown => ({
    steps: {
      shrink: { engine: from, template: 'resize', inputs: { image: '${input.image}', width: '${input.width}', height: '${input.height}' } },
      grow: { engine: to, template: 'upscale', inputs: { image: '${steps.shrink.outputs[0]}', factor: 2 } },
    },
  });
  return { [`from_${one}`]: way(one, other), [`from_${other}`]: way(other, one) };
}
