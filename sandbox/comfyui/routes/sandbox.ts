import { z } from 'zod';
import type { Request, Response } from 'express';
import type { Counters } from '../counters.ts';
import { readJson, sendJson, sendText } from '../http.ts';
import type { Instance } from '../instance.ts';
import type { Leases } from '../../alone/lease.ts';
import type { Knobs } from '../knobs.ts';
import type { Routes } from './routes.ts';

/** What can be done once, beside the knobs that stay turned. */
const Deeds = z.strictObject({
  reset: z.literal(true).optional(),
  closeSockets: z.literal(true).optional(),
  forgetHistory: z.string().optional(),
  restart: z.literal(true).optional(),
  die: z.literal(true).optional(),
});

export interface SandboxControls {
  readonly knobs: Knobs;
  readonly counters: Counters;
  readonly instance: () => Instance;
  readonly restart: () => Promise<void>;
  /** Only from the command line; undefined elsewhere. */
  readonly die: (() => void) | undefined;
  readonly leases: Leases | undefined;
  /** Whether knobs may be turned over HTTP. */
  readonly open: boolean;
}

/** /sandbox/*: nothing of this exists on a real server. */
export function sandboxRoutes(routes: Routes, controls: SandboxControls): void {
  const { knobs, counters, leases } = controls;
  if (leases) {
    routes.add('get', '/sandbox/lease', (_request, response) => { leases.hold(response); });
    routes.add('post', '/sandbox/release', (_request, response) => {
      leases.release();
      response.status(204).end();
    });
  }
  if (!controls.open) return;
  routes.add('get', '/sandbox/counters', (_request, response) => { sendJson(response, counters.snapshot); });
  routes.add('get', '/sandbox/knobs', (_request, response) => { sendJson(response, knobs.state); });
  routes.add('put', '/sandbox/knobs', (request, response) => turn(request, response, controls));
}

async function turn(request: Request, response: Response, controls: SandboxControls): Promise<void> {
  const body = z.record(z.string(), z.unknown()).parse(await readJson(request));
  const isDeed = ([name]: [string, unknown]): boolean => name in Deeds.shape;
  try {
    const deeds = Deeds.parse(Object.fromEntries(Object.entries(body).filter(isDeed)));
    if (deeds.reset) controls.knobs.reset();
    controls.knobs.set(Object.fromEntries(Object.entries(body).filter((entry) => !isDeed(entry))));
    await perform(deeds, controls);
  } catch (error) {
    if (!(error instanceof z.ZodError)) throw error;
    sendText(response, 400, { body: z.prettifyError(error) });
    return;
  }
  sendJson(response, controls.knobs.state);
}

async function perform(deeds: z.infer<typeof Deeds>, { instance, restart, die }: SandboxControls): Promise<void> {
  if (deeds.closeSockets) instance().sockets.cutAll();
  if (deeds.forgetHistory !== undefined) instance().history.delete(deeds.forgetHistory);
  if (deeds.restart) await restart();
  if (deeds.die) die?.();
}
