import { request, type IncomingHttpHeaders } from 'node:http';

export interface Answer {
  readonly status: number;
  readonly headers: IncomingHttpHeaders;
  readonly body: Buffer;
}

/** One request exactly as given: any path, any Host, any method. An announced length without that many bytes is not waited for. */
export function ask(url: string, asked: { method: string; path: string; headers?: Record<string, string>; body?: Buffer }): Promise<Answer> {
  const { hostname, port } = new URL(url);
  return new Promise((resolve, reject) => {
    const length = asked.body && !asked.headers?.['Content-Length'] ? { 'Content-Length': String(asked.body.length) } : {};
    const sent = request({ hostname, port, method: asked.method, path: asked.path, headers: { ...length, ...asked.headers }, agent: false }, (answer) => {
      const chunks: Buffer[] = [];
      answer.on('data', (chunk: Buffer) => chunks.push(chunk));
      answer.on('end', () => {
        sent.destroy();
        resolve({ status: answer.statusCode ?? 0, headers: answer.headers, body: Buffer.concat(chunks) });
      });
      answer.on('error', reject);
    });
    sent.on('error', reject);
    const announced = Number(asked.headers?.['Content-Length'] ?? asked.body?.length ?? 0);
    if (announced > (asked.body?.length ?? 0)) sent.flushHeaders();
    else sent.end(asked.body);
  });
}
