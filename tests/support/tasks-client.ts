/** Hands tasks to a gateway and follows them, as a client would. */
import { z } from 'zod';
import type { Problem } from '../../src/models/problem.ts';
import { Delivery, isTerminal, TaskAccepted, TaskOutput, TaskPage, TaskStats, type TaskStatus, TaskView } from '../../src/models/task.ts';
import { type Answer, type GatewayClient, ok, problem } from './gateway-client.ts';
import { TaskEvents } from './task-events.ts';
import { until } from './until.ts';

const path = '/api/v1/tasks';

/** Tasks of one key. */
export class TasksClient {
  readonly gateway: GatewayClient;
  readonly key: string | undefined;

  constructor(gateway: GatewayClient, key?: string) {
    this.gateway = gateway;
    this.key = key;
  }

  /** The answer to a creation, whatever it is. */
  hand(body: unknown, headers: Readonly<Record<string, string>> = {}): Promise<Answer> {
    return this.gateway.call('POST', path, { body, key: this.key, headers });
  }

  async create(body: unknown, headers: Readonly<Record<string, string>> = {}): Promise<TaskAccepted> {
    return TaskAccepted.parse(having(202, await this.hand(body, headers)));
  }

  /** The problem that a creation must be answered with. */
  async refusal(body: unknown, headers: Readonly<Record<string, string>> = {}): Promise<Problem> {
    return problem(await this.hand(body, headers));
  }

  /** Any call about a task: `''`, `/outputs`, `/events` … */
  of(id: string, rest = '', method = 'GET'): Promise<Answer> {
    return this.gateway.call(method, `${path}/${id}${rest}`, { key: this.key });
  }

  async view(id: string): Promise<TaskView> {
    return TaskView.parse(ok(await this.of(id)));
  }

  async outputs(id: string): Promise<TaskOutput[]> {
    return z.array(TaskOutput).parse(ok(await this.of(id, '/outputs')));
  }

  async list(query: Readonly<Record<string, string>> = {}): Promise<TaskPage> {
    return TaskPage.parse(ok(await this.gateway.call('GET', `${path}?${new URLSearchParams(query).toString()}`, { key: this.key })));
  }

  async stats(): Promise<TaskStats> {
    return TaskStats.parse(ok(await this.gateway.call('GET', '/api/v1/stats', { key: this.key })));
  }

  async cancel(id: string): Promise<TaskView> {
    return TaskView.parse(ok(await this.of(id, '/cancel', 'POST')));
  }

  async retry(id: string): Promise<TaskAccepted> {
    return TaskAccepted.parse(having(202, await this.of(id, '/retry', 'POST')));
  }

  async deliveries(id: string): Promise<Delivery[]> {
    return z.array(Delivery).parse(ok(await this.of(id, '/deliveries')));
  }

  async redeliver(id: string, n: number): Promise<Delivery> {
    return Delivery.parse(having(202, await this.of(id, `/deliveries/${n}/redeliver`, 'POST')));
  }

  /** Its view once it has that status. Throws when it has ended otherwise. */
  async reaches(id: string, status: TaskStatus): Promise<TaskView> {
    const seen = await until(`task ${id} is ${status}`, async () => {
      const view = await this.view(id);
      return (view.status === status || isTerminal(view.status)) && view;
    });
    if (seen.status !== status) throw new TypeError(`task ${id} is ${seen.status}: ${JSON.stringify(seen.error ?? {})}`);
    return seen;
  }

  /** Its view once it has ended, however. */
  async ended(id: string, ms?: number): Promise<TaskView> {
    return until(`task ${id} has ended`, async () => {
      const view = await this.view(id);
      return isTerminal(view.status) && view;
    }, ms);
  }

  /** Hands it over and waits for its ending. */
  async run(body: unknown): Promise<TaskView> {
    return this.ended((await this.create(body)).task_id);
  }

  /** What happens to it after that number. */
  async events(id: string, { since, query }: { readonly since?: number; readonly query?: string } = {}): Promise<TaskEvents> {
    const hangUp = new AbortController();
    const headers = { ...(this.key === undefined ? {} : { authorization: `Bearer ${this.key}` }), ...(since === undefined ? {} : { 'last-event-id': String(since) }) };
    const response = await fetch(`${this.gateway.url}${path}/${id}/events${query ?? ''}`, { headers, signal: AbortSignal.any([hangUp.signal, AbortSignal.timeout(30_000)]) });
    if (response.status !== 200) throw new TypeError(`${response.status}: ${await response.text()}`);
    return new TaskEvents(response, hangUp);
  }

  /** Engine's id of the job that is under way, once it is known. */
  async job(id: string): Promise<string> {
    return until(`task ${id} has a job`, async () => (await this.view(id)).attempts.at(-1)?.job_id);
  }
}

/** The body of an answer that must have that status. */
export function having(status: number, answer: Answer): unknown {
  if (answer.status !== status) throw new TypeError(`${answer.status}: ${answer.text.slice(0, 2_000)}`);
  return answer.body;
}
