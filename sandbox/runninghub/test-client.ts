import { z } from 'zod';
import { SANDBOX_KEYS } from './accounts.ts';

export const APP = '1970434031953342465';
export const CONSUMER = SANDBOX_KEYS.consumer;

/** The few fields that tests look at. */
const Envelope = z.looseObject({ code: z.union([z.number(), z.string()]), msg: z.string().optional(), data: z.unknown().optional() });
const Created = z.object({ code: z.literal(0), data: z.object({ taskId: z.string(), taskStatus: z.string(), netWssUrl: z.string().nullable(), promptTips: z.string().nullable() }) });
export type Created = z.infer<typeof Created>['data'];
const Files = z.array(z.looseObject({ fileUrl: z.string(), fileType: z.string() }));

/** What tests beside the sandbox ask of it, in v1. */
export class TestClient {
  readonly #url: string;
  readonly #key: string;

  constructor(url: string, key: string = CONSUMER) {
    this.#url = url;
    this.#key = key;
  }

  async post(path: string, body: Readonly<Record<string, unknown>>): Promise<z.infer<typeof Envelope>> {
    const answer = await fetch(this.#url + path, { method: 'POST', body: JSON.stringify({ apiKey: this.#key, ...body }) });
    return Envelope.parse(await answer.json());
  }

  async run(more: Readonly<Record<string, unknown>> = {}): Promise<z.infer<typeof Envelope>> {
    return this.post('/task/openapi/ai-app/run', { webappId: APP, nodeInfoList: [], ...more });
  }

  async create(more: Readonly<Record<string, unknown>> = {}): Promise<Created> {
    return Created.parse(await this.run(more)).data;
  }

  async outputs(taskId: string): Promise<z.infer<typeof Envelope>> {
    return this.post('/task/openapi/outputs', { taskId });
  }

  /** Of a task that has succeeded. */
  async files(taskId: string): Promise<z.infer<typeof Files>> {
    return Files.parse((await this.outputs(taskId)).data);
  }

  /** v2 and alt-v1: the key in the header. A body makes it a POST. */
  async bearer(path: string, body?: unknown): Promise<unknown> {
    const headers = { Authorization: `Bearer ${this.#key}` };
    return (await fetch(this.#url + path, body === undefined ? { headers } : { method: 'POST', headers, body: JSON.stringify(body) })).json();
  }

  async upload(path: string, file: { name: string; bytes: Buffer }): Promise<unknown> {
    const form = new FormData();
    form.set('apiKey', this.#key);
    form.set('fileType', 'input');
    form.set('file', new Blob([file.bytes]), file.name);
    return (await fetch(this.#url + path, { method: 'POST', headers: { Authorization: `Bearer ${this.#key}` }, body: form })).json();
  }
}
