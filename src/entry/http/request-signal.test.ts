import express from 'express';
import { describe, expect, it } from 'vitest';
import { z } from 'zod';
import { problemOf, standDeps } from '../../../tests/support/http-app.ts';
import { listen } from '../server.ts';
import { mountRoutes } from './mount.ts';
import { problemHandler } from './problem.ts';
import { route } from './route.ts';

/** An app of one row whose deed takes as long as `run` does, under a deadline of 40 ms. */
async function call(run: (signal: AbortSignal) => unknown): Promise<Response> {
  const app = express();
  const row = route({ method: 'get', path: '/x', id: 'x', tag: 'Service', summary: 'x', deadline: 40, answers: { 200: { description: 'x', schema: z.string() } }, errors: [], run: ({ signal }) => run(signal) });
  mountRoutes(app, [row], { ...standDeps(), deadline: 1_000 });
  app.use(problemHandler);
  const { url, close } = await listen(app, { host: '127.0.0.1', port: 0 });
  const response = await fetch(`${url}/x`);
  await response.clone().text();
  await close(AbortSignal.timeout(100));
  return response;
}

describe('the deadline of a route', () => {
  it('fires the signal, and the call is answered with TASK_TIMEOUT and the limit', async () => {
    const response = await call((signal) => new Promise((_, reject) => signal.addEventListener('abort', () => reject(new DOMException('stopped', 'AbortError')))));
    expect(response.status).toBe(504);
    expect(await problemOf(response)).toMatchObject({ code: 'TASK_TIMEOUT', detail: expect.stringContaining('0.04 s') as string });
  });

  it('ends the call of a deed that does not listen', async () => {
    expect((await call(() => new Promise(() => undefined))).status).toBe(504);
  });

  it('leaves a quick deed alone', async () => {
    expect(await (await call(() => 'done')).json()).toBe('done');
  });
});
