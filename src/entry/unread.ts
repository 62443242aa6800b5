/** Calls that node cannot read, or does not take, answered as everything else that is wrong: with a problem. */
import type { RequestListener, Server, ServerResponse } from 'node:http';
import type { Duplex } from 'node:stream';
import { v7 } from 'uuid';
import { fail } from '../core/errors.ts';
import { problemType, toProblem } from './http/problem.ts';

interface Refusal {
  readonly status: number;
  readonly words: string;
  readonly detail: string;
}

const NOT_HTTP: Refusal = { status: 400, words: 'Bad Request', detail: 'the call is not HTTP as it should be; look at its headers, above all Content-Length and Transfer-Encoding.' };
const EXPECTATION: Refusal = { status: 417, words: 'Expectation Failed', detail: 'of "Expect", only "100-continue" is taken.' };
const REFUSALS: Readonly<Record<string, Refusal>> = {
  HPE_HEADER_OVERFLOW: { status: 431, words: 'Request Header Fields Too Large', detail: 'the headers are too long.' },
  HPE_CHUNK_EXTENSIONS_OVERFLOW: { status: 413, words: 'Payload Too Large', detail: 'the extensions of a chunk are too long.' },
  ERR_HTTP_REQUEST_TIMEOUT: { status: 408, words: 'Request Timeout', detail: 'the call did not arrive in time.' },
};

/** `app`, and answers to what never comes to it. Each ends its connection. */
export function answerUnread(server: Server, app: RequestListener): void {
  const answers = new WeakMap<Duplex, ServerResponse>();
  server.on('request', (request, response) => {
    answers.set(request.socket, response);
    app(request, response);
  });
  server.on('checkExpectation', (_request, response) => {
    const text = bodyOf(EXPECTATION);
    response.writeHead(EXPECTATION.status, { 'Content-Type': problemType, 'Content-Length': Buffer.byteLength(text), Connection: 'close' }).end(text);
  });
  server.on('clientError', (error: NodeJS.ErrnoException, socket) => {
    const answer = answers.get(socket);
    // What has begun would take ours for a part of it.
    if (!socket.writable || error.code === 'ECONNRESET' || (answer?.headersSent === true && !answer.writableFinished)) return void socket.destroy();
    const refusal = REFUSALS[error.code ?? ''] ?? NOT_HTTP;
    const text = bodyOf(refusal);
    socket.end(`HTTP/1.1 ${refusal.status} ${refusal.words}\r\nConnection: close\r\nContent-Type: ${problemType}\r\nContent-Length: ${Buffer.byteLength(text)}\r\n\r\n${text}`, () => socket.destroy());
  });
}

const bodyOf = ({ status, detail }: Refusal): string => JSON.stringify(toProblem(fail('VALIDATION_ERROR', detail, { status }), v7()));
