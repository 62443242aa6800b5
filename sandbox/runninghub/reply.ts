import type { Response } from 'express';
import type { Step } from './steps.ts';

/** A whole answer, not yet sent. */
export interface Reply {
  readonly status: number;
  readonly body: string | Buffer;
  readonly type: string;
}

export const jsonReply = (value: unknown, status = 200): Reply => ({ status, body: JSON.stringify(value), type: 'application/json; charset=utf-8' });
export const bytesReply = (body: Buffer, type: string): Reply => ({ status: 200, body, type });

const HTML = '<html><head><title>502 Bad Gateway</title></head><body></body></html>';

export function send(response: Response, { status, body, type }: Reply): void {
  const bytes = Buffer.from(body);
  response.writeHead(status, { 'Content-Type': type, 'Content-Length': bytes.length });
  response.end(response.req.method === 'HEAD' ? undefined : bytes);
}

/** Does to the answer what the step says. `usual` is what would have been sent. */
export function sendFaulty(response: Response, { fault, body, status }: Step, usual: Reply): void {
  switch (fault) {
    case 'hang': return;
    case 'cut': response.destroy(); return;
    case 'html': send(response, { status: status ?? 502, body: HTML, type: 'text/html' }); return;
    case 'empty': send(response, { ...usual, status: status ?? 200, body: '' }); return;
    case 'half': sendHalf(response, usual); return;
    case undefined: send(response, { ...usual, status: status ?? 200, body: body ?? '' });
  }
}

/** Announces the whole length, sends half and cuts the connection. */
function sendHalf(response: Response, { status, body, type }: Reply): void {
  const bytes = Buffer.from(body);
  response.writeHead(status, { 'Content-Type': type, 'Content-Length': bytes.length });
  response.write(bytes.subarray(0, Math.ceil(bytes.length / 2)), () => { response.destroy(); });
}
