import { Router, type Request, type Response } from 'express';
import type { Counters } from '../counters.ts';
import { BodyTooLarge, sendCrash, sendText } from '../http.ts';
import type { Knobs } from '../knobs.ts';
import { FEATURES } from '../sockets.ts';

export type Handler = (request: Request, response: Response) => Promise<void> | void;
export type Method = 'get' | 'post' | 'put';

/** Adds routes that count their requests, hang when told to and crash the recorded way. */
export class Routes {
  readonly router = Router({ caseSensitive: true, strict: true });
  readonly #counters: Counters;
  readonly #knobs: Knobs;
  readonly #methods = new Map<string, string[]>();

  constructor(counters: Counters, knobs: Knobs) {
    this.#counters = counters;
    this.#knobs = knobs;
  }

  add(method: Method, path: string, handler: Handler): void {
    const name = `${method.toUpperCase()} ${path}`;
    this.#methods.set(path, [...(this.#methods.get(path) ?? []), method]);
    this.router[method](path, async (request, response) => {
      this.#counters.requested(name);
      if (this.#knobs.takeHang(name)) return;
      try {
        await handler(request, response);
      } catch (error) {
        answerFailure(request, response, error);
      }
    });
  }

  /** Answers 405 to the other methods of the routes added so far; everything unknown is GET only (http/info). */
  refuseOtherMethods(): void {
    for (const [path, methods] of this.#methods) {
      const allowed = methods.includes('post') ? 'GET,HEAD,POST' : 'GET,HEAD';
      this.router.all(path, (request, response) => { refuse(request, response, allowed); });
    }
    this.router.all('/{*rest}', (request, response) => { refuse(request, response, 'GET,HEAD'); });
  }
}

function refuse(request: Request, response: Response, allowed: string): void {
  if (request.method === 'GET' || request.method === 'HEAD') {
    sendText(response, 404, { body: '404: Not Found' });
    return;
  }
  response.setHeader('Allow', allowed);
  sendText(response, 405, { body: '405: Method Not Allowed' });
}

/** Every failure of a handler is the same 500, except a body over the limit. */
function answerFailure(request: Request, response: Response, error: unknown): void {
  if (!(error instanceof BodyTooLarge)) {
    sendCrash(response);
    return;
  }
  request.resume();
  sendText(response, 413, { body: `Maximum request body size ${FEATURES.max_upload_size} exceeded, actual body size ${error.size}` });
}
