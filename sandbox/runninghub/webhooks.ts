import { setTimeout as sleep } from 'node:timers/promises';
import type { Counters } from './counters.ts';
import type { Ids } from './ids.ts';
import { withBareIds } from './json.ts';
import type { Knobs } from './knobs.ts';
import { v1Outcome, v2Task } from './shapes.ts';
import { isEnded, type Task, type WebhookRecord } from './task.ts';

const ANSWER_MS = 5_000;
const MAX_ANSWER = 1_000;

/** Tells the webhook of a task that it ended: late, twice, in another shape or never, as the knobs say. */
export class Webhooks {
  readonly #knobs: Knobs;
  readonly #counters: Counters;
  readonly #ids: Ids;
  readonly #stop = new AbortController();
  readonly #underway = new Set<Promise<void>>();

  constructor({ knobs, counters, ids }: { knobs: Knobs; counters: Counters; ids: Ids }) {
    this.#knobs = knobs;
    this.#counters = counters;
    this.#ids = ids;
  }

  /** To be called at every change of a task. */
  heard(task: Task): void {
    if (!isEnded(task) || task.webhookUrl === undefined || task.webhook) return;
    const now = Date.now();
    task.webhook = { id: this.#ids.next(), url: task.webhookUrl, eventData: v1Outcome(task, this.#knobs.state), status: 'FAILED', response: '', retryCount: 0, createdAt: now, updatedAt: now };
    const record = task.webhook;
    this.#run(async () => {
      await this.#pause(this.#knobs.state.webhookDelayMs);
      for (let copy = this.#knobs.state.webhookCopies; copy > 0; copy -= 1) await this.#deliver(task, record);
    });
  }

  /** Delivers once more, perhaps to another URL from now on. */
  again(task: Task, record: WebhookRecord, url: string | undefined): void {
    record.url = url ?? record.url;
    this.#run(() => this.#deliver(task, record));
  }

  async close(): Promise<void> {
    this.#stop.abort();
    await Promise.all(this.#underway);
  }

  /** Tried until it is accepted, or often enough. */
  async #deliver(task: Task, record: WebhookRecord): Promise<void> {
    const { webhookRetries, webhookRetryMs } = this.#knobs.state;
    for (let attempt = 0; attempt <= webhookRetries && !this.#stop.signal.aborted; attempt += 1) {
      if (attempt > 0) await this.#pause(webhookRetryMs);
      record.retryCount = attempt;
      if (await this.#post(task, record)) return;
    }
  }

  async #post(task: Task, record: WebhookRecord): Promise<boolean> {
    const body = JSON.stringify(this.#bodyOf(task));
    this.#counters.webhookSent();
    try {
      const signal = AbortSignal.any([this.#stop.signal, AbortSignal.timeout(ANSWER_MS)]);
      const answer = await fetch(record.url, { method: 'POST', headers: { 'Content-Type': 'application/json' }, body: this.#knobs.state.numericIds ? withBareIds(body) : body, signal });
      record.response = (await answer.text()).slice(0, MAX_ANSWER);
      record.status = answer.ok ? 'SUCCESS' : 'FAILED';
    } catch (error) {
      record.response = told(error);
      record.status = 'FAILED';
    }
    record.updatedAt = Date.now();
    return record.status === 'SUCCESS';
  }

  #bodyOf(task: Task): unknown {
    const told = v1Outcome(task, this.#knobs.state);
    const { clientId: _clientId, promptTips: _tips, usage: _usage, ...v2 } = v2Task(task, this.#knobs);
    const event = (eventData: unknown): unknown => ({ event: 'TASK_END', taskId: task.id, eventData });
    switch (this.#knobs.state.webhookShape) {
      case 'string': return event(JSON.stringify(told));
      case 'v1': return event(told);
      case 'v2': return event(v2);
      case 'bare': return v2;
      case 'broken': return event(JSON.stringify(told).slice(0, 20));
      case 'empty': return event('');
    }
  }

  #run(work: () => Promise<void>): void {
    const done = work().finally(() => this.#underway.delete(done));
    this.#underway.add(done);
  }

  async #pause(ms: number): Promise<void> {
    await sleep(ms, undefined, { signal: this.#stop.signal }).catch((error: unknown) => {
      if (!this.#stop.signal.aborted) throw error;
    });
  }
}

/** The reason below `fetch failed`, where there is one. */
function told(error: unknown): string {
  if (!(error instanceof Error)) return String(error);
  return error.cause instanceof Error ? error.cause.message : error.message;
}
