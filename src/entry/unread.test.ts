import { connect } from 'node:net';
import { text } from 'node:stream/consumers';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { parseJson } from '../atoms/json/json.ts';
import { listen, type Listening } from './server.ts';

let listening: Listening;
let asked: number;
beforeEach(async () => {
  asked = 0;
  listening = await listen((request, response) => {
    asked += 1;
    if (request.url === '/begun') response.writeHead(200, { 'Content-Length': 100 }).write('some of it');
    else request.resume().once('end', () => response.end('hi')).once('error', () => undefined);
  }, { host: '127.0.0.1', port: 0 });
});
afterEach(() => listening.close(AbortSignal.abort()));

/** All that is answered to these bytes until the server ends the connection. */
async function answerTo(bytes: string): Promise<string> {
  const socket = connect(Number(new URL(listening.url).port), '127.0.0.1');
  socket.write(bytes);
  return text(socket);
}

const call = (headers: string, path = '/'): string => `POST ${path} HTTP/1.1\r\nHost: here\r\n${headers}\r\n\r\n`;

describe('a call that is refused before it is one', () => {
  it.each<[what: string, bytes: string, status: number]>([
    ['with a length that is no number', call('Content-Length: five'), 400],
    ['with two lengths', call('Content-Length: 5\r\nContent-Length: 6'), 400],
    ['with a length and chunks', call('Content-Length: 5\r\nTransfer-Encoding: chunked'), 400],
    ['with a chunk that is none', `${call('Transfer-Encoding: chunked')}zz\r\n`, 400],
    ['that is no HTTP', 'hello\r\n\r\n', 400],
    ['with headers that are too long', call(`x-long: ${'a'.repeat(17_000)}`), 431],
    ['that expects what there is not', call('Expect: x'), 417],
  ])('%s is answered with a problem, and the connection ends', async (_what, bytes, status) => {
    const [head = '', body = ''] = (await answerTo(bytes)).split('\r\n\r\n');
    expect(head).toMatch(new RegExp(`^HTTP/1\\.1 ${status} `));
    expect(head).toMatch(/^content-type: application\/problem\+json$/im);
    expect(head).toMatch(/^connection: close$/im);
    expect(head).toMatch(new RegExp(`^content-length: ${Buffer.byteLength(body)}$`, 'im'));
    expect(parseJson(body)).toMatchObject({ status, code: 'VALIDATION_ERROR', retryable: false });
  });

  it('is answered after one that was well', async () => {
    const answers = await answerTo(`GET / HTTP/1.1\r\nHost: here\r\n\r\n${call('Expect: x')}`);
    expect(answers).toMatch(/^HTTP\/1\.1 200 [^]*\r\n\r\nhi[^]*HTTP\/1\.1 417 /);
    expect(asked).toBe(1);
  });

  it('is cut off where an answer has begun, of which ours would be taken for a part', async () => {
    const answers = await answerTo(`${call('Transfer-Encoding: chunked', '/begun')}zz\r\n`);
    expect(answers).not.toContain('VALIDATION_ERROR');
    expect(asked).toBe(1);
  });
});
