import { Router, type Request, type Response } from 'express';
import { setTimeout as sleep } from 'node:timers/promises';
import { Asked } from '../asked.ts';
import { Refused } from '../codes.ts';
import type { Counters } from '../counters.ts';
import type { Dialect } from '../dialects.ts';
import { withBareIds } from '../json.ts';
import type { Knobs } from '../knobs.ts';
import { jsonReply, send, sendFaulty, type Reply } from '../reply.ts';
import type { RouteName, Step } from '../steps.ts';

export type Handler = (asked: Asked) => Promise<Reply> | Reply;

export interface Route {
  readonly name: RouteName;
  /** Where it is, unless its name says it. */
  readonly path?: string;
  readonly dialect: Dialect;
  readonly handle: Handler;
}

const METHODS = { GET: 'get', POST: 'post', PUT: 'put' } as const;

/** Adds routes that count their requests, take steps of the knobs and answer as late as these say. */
export class Routes {
  readonly router = Router({ caseSensitive: true });
  readonly #counters: Counters;
  readonly #knobs: Knobs;
  readonly #closing: AbortSignal;

  constructor({ counters, knobs, closing }: { counters: Counters; knobs: Knobs; closing: AbortSignal }) {
    this.#counters = counters;
    this.#knobs = knobs;
    this.#closing = closing;
  }

  add(route: Route): void {
    const [method, named = '/'] = route.name.split(' ');
    const verb = METHODS[method === 'GET' ? 'GET' : method === 'PUT' ? 'PUT' : 'POST'];
    this.router[verb](route.path ?? named, async (request, response) => {
      this.#counters.requested(route.name);
      const step = this.#knobs.takeStep(route.name);
      try {
        await this.#serve(route, step, { request, response });
      } catch (error) {
        crash(response, error);
      }
    });
  }

  async #serve(route: Route, step: Step | undefined, { request, response }: { request: Request; response: Response }): Promise<void> {
    const asked = await Asked.read(request).catch(() => undefined);
    // Whoever hung up before the end of its request is not answered.
    if (!asked) return;
    const usual = step === undefined || step.after ? this.#worded(await handled(route, asked)) : jsonReply({ code: 0, msg: 'success', data: null });
    await this.#wait(route.name);
    if (step === undefined) send(response, usual);
    else if (step.code === undefined) sendFaulty(response, step, usual);
    else {
      const refused = this.#worded(route.dialect(new Refused(step.code, step.msg)));
      send(response, { ...refused, status: step.status ?? refused.status });
    }
  }

  async #wait(name: RouteName): Promise<void> {
    const ms = this.#knobs.state.slow[name] ?? 0;
    if (ms > 0) await sleep(ms, undefined, { signal: this.#closing }).catch(() => undefined);
  }

  /** The answer with ids, codes and messages as the knobs want them. */
  #worded(reply: Reply): Reply {
    if (typeof reply.body !== 'string' || !reply.type.startsWith('application/json')) return reply;
    const { numericIds, stringCodes, noErrorMessages } = this.#knobs.state;
    let body = reply.body;
    if (numericIds) body = withBareIds(body);
    if (stringCodes) body = body.replace(/^\{"code":(-?\d+)/, '{"code":"$1"');
    if (noErrorMessages) body = body.replace(',"errorMessages":null', '');
    return { ...reply, body };
  }
}

async function handled({ handle, dialect }: Route, asked: Asked): Promise<Reply> {
  try {
    return await handle(asked);
  } catch (error) {
    if (error instanceof Refused) return dialect(error);
    throw error;
  }
}

/** A defect of the sandbox is no answer of the service, so it looks like none. */
function crash(response: Response, error: unknown): void {
  if (response.headersSent) response.destroy();
  else send(response, { status: 599, body: `The sandbox has a defect: ${error instanceof Error ? (error.stack ?? error.message) : String(error)}`, type: 'text/plain' });
}
