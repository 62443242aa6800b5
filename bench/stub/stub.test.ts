import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { once } from 'node:events';
import { WebSocket } from 'ws';
import { graph } from '../harness/graph.ts';
import { call, fields, json } from '../harness/http.ts';
import { type Running, startStub } from '../harness/processes.ts';

let stub: Running;
beforeAll(async () => {
  stub = await startStub();
});
afterAll(() => stub.stop());

/** Types of a job's messages in order, `executing null` told apart; resolves with the last. */
async function story(promptId: string): Promise<string[]> {
  const socket = new WebSocket(`${stub.url.replace('http', 'ws')}/ws?clientId=${promptId}`);
  const types: string[] = [];
  const over = new Promise<void>((resolve) => {
    socket.on('message', (data) => {
      const { type, data: about } = fields(JSON.parse(Buffer.isBuffer(data) ? data.toString() : ''));
      const isLast = type === 'executing' && fields(about)['node'] === null;
      types.push(isLast ? 'executing null' : String(type));
      if (isLast) resolve();
    });
  });
  await once(socket, 'open');
  await json(`${stub.url}/prompt`, { method: 'POST', body: JSON.stringify({ prompt: graph({ steps: 1, bytes: 1_000 }), prompt_id: promptId, client_id: promptId }) });
  await over;
  socket.terminate();
  return types;
}

describe('the stub', () => {
  it('tells of a job in the recorded order, and its history is there when it says that it is over', async () => {
    const types = await story('one');
    const node = ['progress_state', 'executing'];
    const first = [...node, 'progress', 'progress_state', 'progress_state'];
    expect(types).toEqual(['status', 'status', 'status', 'execution_start', 'execution_cached', ...first, ...node, 'executed', 'progress_state', 'execution_success', 'status', 'executing null']);
    expect(await json(`${stub.url}/history/one`)).toMatchObject({ one: { status: { status_str: 'success', completed: true } } });
  });

  it('serves a picture of the size that the graph asked for', async () => {
    await story('two');
    const { two } = await json(`${stub.url}/history/two`);
    const name = /bench-1000_\d+_\.png/.exec(JSON.stringify(two))?.[0];
    const whole = await call(`${stub.url}/view?filename=${name}&type=output&subfolder=`);
    expect([whole.status, whole.bytes]).toEqual([200, 1_000]);
  });

  it('refuses a graph that makes nothing', async () => {
    const answer = await call(`${stub.url}/prompt`, { method: 'POST', body: JSON.stringify({ prompt: {} }) });
    expect(answer.status).toBe(400);
  });
});
