import type { Router } from 'express';
import { z } from 'zod';
import type { Leases } from '../../alone/lease.ts';
import { Asked } from '../asked.ts';
import type { Deeds } from '../deeds.ts';
import { jsonReply, send } from '../reply.ts';
import { STATES } from '../task.ts';
import type { World } from '../world.ts';

/** What can be done once, beside the knobs that stay turned. */
const DeedPatch = z.strictObject({
  reset: z.literal(true).optional(),
  move: z.strictObject({ taskId: z.string(), state: z.enum(STATES) }).optional(),
  forgetTask: z.string().optional(),
  expireResults: z.union([z.literal(true), z.string()]).optional(),
  expireUploads: z.literal(true).optional(),
  closeSockets: z.literal(true).optional(),
  die: z.literal(true).optional(),
});
type DeedPatch = z.infer<typeof DeedPatch>;

export interface SandboxControls {
  readonly world: World;
  readonly deeds: Deeds;
  /** Only from the command line; undefined elsewhere. */
  readonly die: (() => void) | undefined;
  readonly leases: Leases | undefined;
  /** Whether knobs may be turned over HTTP. */
  readonly open: boolean;
}

/** /sandbox and below: nothing of this exists on the real service. */
export function sandboxRoutes(router: Router, controls: SandboxControls): void {
  const { world, leases } = controls;
  router.get('/sandbox', (_request, response) => { send(response, jsonReply(introduction(world))); });
  if (leases) {
    router.get('/sandbox/lease', (_request, response) => { leases.hold(response); });
    router.post('/sandbox/release', (_request, response) => {
      leases.release();
      response.status(204).end();
    });
  }
  if (!controls.open) return;
  router.get('/sandbox/counters', (_request, response) => { send(response, jsonReply(world.counters.snapshot)); });
  router.get('/sandbox/knobs', (_request, response) => { send(response, jsonReply(world.knobs.state)); });
  router.put('/sandbox/knobs', async (request, response) => {
    const problem = turn(JSON.parse((await Asked.read(request)).bytes.toString('utf8')), controls);
    send(response, problem === undefined ? jsonReply(world.knobs.state) : { status: 400, body: problem, type: 'text/plain; charset=utf-8' });
  });
}

/** What a first run needs to know. */
function introduction({ accounts, catalog, filesUrl }: World): unknown {
  return {
    sandbox: 'runninghub',
    filesUrl: filesUrl(),
    accounts: accounts.map(({ name, key, kind }) => ({ name, key, kind })),
    webapps: catalog.webapps.map(({ id, name }) => ({ id, name })),
    workflows: catalog.workflows.map(({ id }) => id),
  };
}

/** What is wrong with the patch; then nothing is turned. */
function turn(patch: unknown, { world, deeds, die }: SandboxControls): string | undefined {
  try {
    const body = z.record(z.string(), z.unknown()).parse(patch);
    const isDeed = ([name]: [string, unknown]): boolean => name in DeedPatch.shape;
    const wanted = DeedPatch.parse(Object.fromEntries(Object.entries(body).filter(isDeed)));
    if (wanted.reset) world.knobs.reset();
    world.knobs.set(Object.fromEntries(Object.entries(body).filter((entry) => !isDeed(entry))));
    perform(wanted, deeds);
    if (wanted.die) die?.();
    return undefined;
  } catch (error) {
    if (!(error instanceof z.ZodError)) throw error;
    return z.prettifyError(error);
  }
}

function perform({ move, forgetTask, expireResults, expireUploads, closeSockets }: DeedPatch, deeds: Deeds): void {
  if (move) deeds.move(move.taskId, move.state);
  if (forgetTask !== undefined) deeds.forgetTask(forgetTask);
  if (expireResults !== undefined) deeds.expireResults(expireResults === true ? undefined : expireResults);
  if (expireUploads) deeds.expireUploads();
  if (closeSockets) deeds.closeSockets();
}
