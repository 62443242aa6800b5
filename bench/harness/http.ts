/** The cheapest HTTP client there is here: node:http on kept connections. Both sides of every ratio use it. */
import { Agent, request } from 'node:http';

const agent = new Agent({ keepAlive: true, maxSockets: Infinity, maxFreeSockets: 1_024 });

export interface Answer {
  readonly status: number;
  readonly body: Buffer;
}

export interface Call {
  readonly method?: 'GET' | 'POST';
  /** JSON as text. */
  readonly body?: string;
  /** Count the bytes and throw them away: for files of which a copy would cost more than the transfer. */
  readonly discard?: boolean;
}

/** Any status is an answer. Rejects when there is none. */
export function call(url: string, { method = 'GET', body, discard = false }: Call = {}): Promise<Answer & { readonly bytes: number }> {
  return new Promise((resolve, reject) => {
    const headers = body === undefined ? {} : { 'Content-Type': 'application/json', 'Content-Length': Buffer.byteLength(body) };
    const outgoing = request(url, { method, agent, headers }, (response) => {
      const chunks: Buffer[] = [];
      let bytes = 0;
      response.on('data', (chunk: Buffer) => {
        bytes += chunk.length;
        if (!discard) chunks.push(chunk);
      });
      response.on('end', () => resolve({ status: response.statusCode ?? 0, body: Buffer.concat(chunks), bytes }));
      response.on('error', reject);
    });
    outgoing.on('error', reject);
    outgoing.end(body);
  });
}

/** As `call`, for answers that must be 200. */
export async function json(url: string, options: Call = {}): Promise<Readonly<Record<string, unknown>>> {
  const { status, body } = await call(url, options);
  if (status !== 200) throw new Error(`${options.method ?? 'GET'} ${url} answered ${status}: ${body.toString().slice(0, 300)}`);
  return fields(JSON.parse(body.toString()));
}

export function fields(value: unknown): Readonly<Record<string, unknown>> {
  return typeof value === 'object' && value !== null ? { ...value } : {};
}
