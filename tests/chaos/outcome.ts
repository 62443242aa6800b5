/** What callers find when everything is quiet again: pictures, stories, the same task for the same key. */
import { readdir, readFile } from 'node:fs/promises';
import { join } from 'node:path';
import sharp from 'sharp';
import { isTerminal, TaskAccepted, type TaskView } from '../../src/models/task.ts';
import { download } from '../support/files-client.ts';
import type { Caller } from './caller.ts';
import type { EventRow } from './database.ts';
import type { Order, Picture } from './orders.ts';
import type { World } from './world.ts';

/** A sentence for everything that is not as it must be. */
export async function shortcomings(world: World, caller: Caller): Promise<string[]> {
  const files = await readdir(join(world.folder, 'output'), { recursive: true }).catch(() => []);
  const events = Map.groupBy(world.written().events, ({ task_id: id }) => id);
  const found: string[] = [];
  for (let from = 0; from < world.orders.length; from += 8) {
    const some = world.orders.slice(from, from + 8);
    found.push(...(await Promise.all(some.map((order) => ofOrder(order, { world, caller, files, events }).catch((error: unknown) => [`task ${order.taskId ?? '-'}: ${String(error)}`])))).flat());
  }
  return found;
}

interface Known {
  readonly world: World;
  readonly caller: Caller;
  readonly files: readonly string[];
  readonly events: ReadonlyMap<string, readonly EventRow[]>;
}

async function ofOrder(order: Order, { world, caller, files, events }: Known): Promise<string[]> {
  const id = order.taskId;
  if (id === undefined) return [];
  const again = await caller.repeat(order);
  const same = again.status === 202 && TaskAccepted.parse(again.body).task_id === id && again.headers.get('idempotency-replayed') === 'true';
  const view = await world.house.tasks.view(id);
  if (!isTerminal(view.status)) return [];
  return [
    ...(same ? [] : [`key ${order.key} again was answered with ${again.status} ${again.text}`]),
    ...(await untold(world, id, events.get(id) ?? [])),
    ...(view.status === 'completed' ? await badPictures(world, { order, view, files }) : []),
  ];
}

/** The story over HTTP is the one that is written, from its beginning and from the middle. */
async function untold(world: World, id: string, written: readonly EventRow[]): Promise<string[]> {
  const middle = Math.floor(written.length / 2);
  const told = await Promise.all([0, middle].map(async (since) => {
    using story = await world.house.tasks.events(id, { since });
    await story.rest();
    return story.numbers().join();
  }));
  const seqs = written.map(({ seq }) => seq);
  const expected = [seqs.join(), seqs.slice(middle).join()];
  return told.join(';') === expected.join(';') ? [] : [`task ${id} is told as ${told.join('; ')} and written as ${expected.join('; ')}`];
}

async function badPictures(world: World, { order, view, files }: { readonly order: Order; readonly view: TaskView; readonly files: readonly string[] }): Promise<string[]> {
  const { task_id: id, steps = [], warnings = [] } = view;
  // A pipeline tells of all its steps; the outputs of the last are those of the task.
  const outputs = [...new Map([...steps.flatMap((step) => step.outputs), ...view.outputs].map((output) => [output.url, output])).values()];
  const about = `task ${id} (${order.wish.sort})`;
  if (outputs.length !== order.wants.length) return [`${about} has ${outputs.length} outputs, not ${order.wants.length}`];
  const checked = await Promise.all(order.wants.map(async (want, n) => {
    const output = outputs[n];
    const { status, headers, bytes } = await download(world.house.tasks.gateway, output?.url ?? '');
    if (status !== 200 || headers.get('content-type') !== 'image/png') return [`${about}: output ${n} is answered with ${status} ${headers.get('content-type') ?? ''}`];
    const on = files.filter((file) => file.endsWith(`/${output?.filename ?? ''}`) && view.attempts.some(({ job_id: job }) => job !== undefined && file.startsWith(job)));
    const copies = await Promise.all(on.map((file) => readFile(join(world.folder, 'output', file))));
    const isKept = copies.some((copy) => copy.equals(bytes));
    return [...(isKept ? [] : [`${about}: output ${n} (${output?.filename ?? ''}) is not on disk as it is handed out`]), ...(await notAs(want, bytes)).map((fault) => `${about}: output ${n} ${fault}`)];
  }));
  return [...checked.flat(), ...warnings.map((warning) => `${about}: ${warning}`)];
}

/** Scaling may change a colour by a little. */
async function notAs({ width, height, colour }: Picture, bytes: Buffer): Promise<string[]> {
  const { data, info } = await sharp(bytes).raw().toBuffer({ resolveWithObject: true });
  const wanted = [colour >> 16, (colour >> 8) & 255, colour & 255];
  const is = wanted.every((value, n) => Math.abs(value - (data[n] ?? 0)) <= 2) && info.width === width && info.height === height;
  return is ? [] : [`is ${info.width}x${info.height} of ${[...data.subarray(0, 3)].join()}, not ${width}x${height} of ${wanted.join()}`];
}
