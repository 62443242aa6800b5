/** Hands files to a gateway and fetches them, as a client would. */
import { UploadAnswer } from '../../src/models/file.ts';
import type { Problem } from '../../src/models/problem.ts';
import { type GatewayClient, problem } from './gateway-client.ts';
import type { Graph } from './graphs.ts';

export interface Fetched {
  readonly status: number;
  readonly headers: Headers;
  readonly bytes: Buffer;
}

export interface Handing {
  readonly key?: string | undefined;
  readonly name?: string;
  readonly fields?: Readonly<Record<string, string>>;
}

export async function handOver(gateway: GatewayClient, content: Buffer, { key, name = 'photo.png', fields = {} }: Handing = {}): Promise<UploadAnswer> {
  const response = await post(gateway, content, { key, name, fields });
  if (response.status !== 200) throw new TypeError(`${response.status}: ${await response.text()}`);
  return UploadAnswer.parse(await response.json());
}

/** The problem that handing it over must be answered with. */
export async function handOverRefused(gateway: GatewayClient, content: Buffer, handing: Handing = {}): Promise<Problem> {
  const response = await post(gateway, content, handing);
  const text = await response.text();
  return problem({ status: response.status, headers: response.headers, text, body: JSON.parse(text) });
}

function post(gateway: GatewayClient, content: Buffer, { key, name = 'photo.png', fields = {} }: Handing): Promise<Response> {
  const form = new FormData();
  for (const [field, value] of Object.entries(fields)) form.append(field, value);
  form.append('file', new Blob([new Uint8Array(content)]), name);
  return fetch(`${gateway.url}/api/v1/images/upload`, { method: 'POST', body: form, headers: authorization(key), signal: AbortSignal.timeout(20_000) });
}

/** `what` is a URL as the gateway gave it, or the query of a download. */
export async function download(gateway: GatewayClient, what: string | Readonly<Record<string, string>>, { key, headers = {}, method = 'GET' }: { key?: string | undefined; headers?: Record<string, string>; method?: string } = {}): Promise<Fetched> {
  const response = await fetch(addressOf(gateway, what), { method, headers: { ...authorization(key), ...headers }, signal: AbortSignal.timeout(20_000) });
  return { status: response.status, headers: response.headers, bytes: Buffer.from(await response.arrayBuffer()) };
}

export function addressOf(gateway: GatewayClient, what: string | Readonly<Record<string, string>>): string {
  return gateway.url + (typeof what === 'string' ? what : `/api/v1/images/download?${new URLSearchParams(what).toString()}`);
}

/** Loads a picture and saves it again. */
export function loaded(name: string): Graph {
  return {
    '1': { class_type: 'LoadImage', inputs: { image: name } },
    '2': { class_type: 'SaveImage', inputs: { images: ['1', 0], filename_prefix: 'gateway-test/loaded' } },
  };
}

export function authorization(key: string | undefined): Record<string, string> {
  return key === undefined ? {} : { authorization: `Bearer ${key}` };
}
