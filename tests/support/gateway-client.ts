import { z } from 'zod';
import { parseJson, stringifyJson } from '../../src/atoms/json/json.ts';
import { InterruptAnswer, SubmitAnswer } from '../../src/models/workflow.ts';
import { OutputFile } from '../../src/models/file.ts';
import { Problem } from '../../src/models/problem.ts';
import { PromptState } from '../../src/models/prompt-state.ts';
import { DeleteAnswer, QueueStatus } from '../../src/models/queue.ts';
import type { Graph } from './graphs.ts';
import { TestSocket } from './socket.ts';
import { until } from './until.ts';

export interface Answer {
  readonly status: number;
  readonly headers: Headers;
  readonly text: string;
  /** Parsed with every digit kept. */
  readonly body: unknown;
}

export interface Call {
  readonly body?: unknown;
  readonly key?: string | undefined;
  readonly headers?: Readonly<Record<string, string>>;
}

export interface Submit {
  readonly client_id?: string;
  readonly prompt_id?: string;
  readonly front?: boolean;
  readonly extra_data?: unknown;
  readonly key?: string | undefined;
}

const over: readonly string[] = ['completed', 'failed', 'interrupted'];

/** Speaks to the doors of a gateway as a client would. */
export class GatewayClient {
  readonly url: string;

  constructor(url: string) {
    this.url = url;
  }

  async call(method: string, path: string, { body, key, headers = {} }: Call = {}): Promise<Answer> {
    const response = await fetch(this.url + path, {
      method,
      headers: { ...(body === undefined ? {} : { 'content-type': 'application/json' }), ...(key === undefined ? {} : { authorization: `Bearer ${key}` }), ...headers },
      ...(body === undefined ? {} : { body: typeof body === 'string' ? body : stringifyJson(body) }),
      signal: AbortSignal.timeout(20_000),
    });
    const text = await response.text();
    const isJson = /json/.test(response.headers.get('content-type') ?? '');
    return { status: response.status, headers: response.headers, text, body: isJson && text !== '' ? parseJson(text) : undefined };
  }

  /** Instances whose event socket is open. */
  async healthy(): Promise<number> {
    return z.object({ healthy: z.int() }).parse((await this.call('GET', '/readyz')).body).healthy;
  }

  async submit(workflow: Graph, { key, ...more }: Submit = {}): Promise<SubmitAnswer> {
    return SubmitAnswer.parse(ok(await this.post('/api/v1/workflows/submit', { workflow, ...more }, key)));
  }

  /** The problem that a submission must be answered with. */
  async refusal(request: unknown, key?: string): Promise<Problem> {
    return problem(await this.post('/api/v1/workflows/submit', request, key));
  }

  post(path: string, body: unknown, key?: string): Promise<Answer> {
    return this.call('POST', path, { body, key });
  }

  async state(promptId: string, key?: string): Promise<PromptState> {
    return PromptState.parse(ok(await this.call('GET', `/api/v1/workflows/${promptId}`, { key })));
  }

  async history(promptId: string, key?: string): Promise<Record<string, unknown>> {
    return z.record(z.string(), z.unknown()).parse(ok(await this.call('GET', `/api/v1/workflows/${promptId}/history`, { key })));
  }

  async images(promptId: string, key?: string): Promise<OutputFile[]> {
    return z.array(OutputFile).parse(ok(await this.call('GET', `/api/v1/workflows/${promptId}/images`, { key })));
  }

  async queue(key?: string): Promise<QueueStatus> {
    return QueueStatus.parse(ok(await this.call('GET', '/api/v1/queue/status', { key })));
  }

  async deleteFromQueue(promptIds: readonly string[], key?: string): Promise<DeleteAnswer> {
    return DeleteAnswer.parse(ok(await this.post('/api/v1/queue/delete', { prompt_ids: promptIds }, key)));
  }

  async interrupt(promptId?: string, key?: string): Promise<InterruptAnswer['results']> {
    return InterruptAnswer.parse(ok(await this.post('/api/v1/workflows/interrupt', promptId === undefined ? {} : { prompt_id: promptId }, key))).results;
  }

  /** Its state once that is the one named. */
  async reaches(promptId: string, state: PromptState['state'], key?: string): Promise<PromptState> {
    return until(`prompt ${promptId} is ${state}`, async () => {
      const seen = await this.state(promptId, key);
      if (over.includes(seen.state) && seen.state !== state) throw new TypeError(`it is ${seen.state}`);
      return seen.state === state && seen;
    });
  }

  /** Its state once it is over. */
  async ended(promptId: string, key?: string): Promise<PromptState> {
    return until(`prompt ${promptId} is over`, async () => {
      const seen = await this.state(promptId, key);
      return over.includes(seen.state) && seen;
    });
  }

  socketUrl(clientId: string, query = ''): string {
    return `${this.url.replace(/^http/, 'ws')}/api/v1/ws/${clientId}${query}`;
  }

  socket(clientId: string, key?: string): Promise<TestSocket> {
    return TestSocket.open(this.socketUrl(clientId), key === undefined ? {} : { authorization: `Bearer ${key}` });
  }
}

/** The body of an answer that must be 200. */
export function ok(answer: Answer): unknown {
  if (answer.status !== 200) throw new TypeError(`${answer.status}: ${answer.text.slice(0, 2_000)}`);
  return answer.body;
}

/** The body of an answer that must be a problem. */
export function problem(answer: Answer): Problem {
  if (answer.headers.get('content-type') !== 'application/problem+json') throw new TypeError(`${answer.status} is no problem: ${answer.text.slice(0, 2_000)}`);
  return Problem.parse(answer.body);
}
