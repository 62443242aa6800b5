import { createServer as createHttpServer } from 'node:http';
import { createServer, type Server } from 'node:net';
import { afterEach, beforeEach, expect, test } from 'vitest';
import { HttpFailure } from '../../core/http-failure.ts';
import { withRequestId } from '../../core/request-id.ts';
import { HttpText } from './http.ts';

const never = new AbortController().signal;
let http: HttpText;
let silent: Server;

beforeEach(async () => {
  http = new HttpText();
  silent = createServer((socket) => void socket.on('error', () => socket.destroy()).resume());
  await new Promise<void>((resolve) => void silent.listen(0, '127.0.0.1', resolve));
});
afterEach(() => {
  http.close();
  silent.close();
});

const port = (): number => {
  const address = silent.address();
  return typeof address === 'object' && address ? address.port : 0;
};
const kindOf = async (url: string): Promise<string> => {
  const failure: unknown = await http.request({ method: 'POST', url, body: '{}', timeoutMs: 200, maxBytes: 1_000 }, never).catch((error: unknown) => error);
  return failure instanceof HttpFailure ? `${failure.kind}: ${failure.message}` : String(failure);
};

test('a server that takes the request and says nothing may have acted on it', async () => {
  expect(await kindOf(`http://127.0.0.1:${port()}/prompt`)).toBe('timeout: no answer within 200 ms');
});

test('a server that nobody could connect to has seen nothing, whether it refused or was silent', async () => {
  expect(await kindOf('http://127.0.0.1:9/prompt')).toBe('refused: cannot connect (ECONNREFUSED)');
  // An address for documentation (RFC 5737), where packets go nowhere; a machine without a route says so at once.
  expect(await kindOf('http://192.0.2.1/prompt')).toMatch(/^refused: cannot connect/);
});

test('the request id of a call goes on to the server', async () => {
  const heard = createHttpServer((request, response) => response.end(String(request.headers['x-request-id'])));
  await new Promise<void>((resolve) => void heard.listen(0, '127.0.0.1', resolve));
  const address = heard.address();
  const url = `http://127.0.0.1:${typeof address === 'object' && address ? address.port : 0}/queue`;
  const ask = async (): Promise<string> => (await http.request({ method: 'GET', url, timeoutMs: 2_000, maxBytes: 1_000 }, never)).text;
  expect([await withRequestId('trace-me', ask), await ask()]).toEqual(['trace-me', 'undefined']);
  heard.close();
});
