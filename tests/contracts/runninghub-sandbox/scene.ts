import { z } from 'zod';
import type { Account } from '../../../sandbox/runninghub/accounts.ts';
import type { KnobPatch } from '../../../sandbox/runninghub/knobs.ts';
import { startRunningHubSandbox, type RunningRunningHub } from '../../../sandbox/runninghub/server.ts';
import type { TaskState } from '../../../sandbox/runninghub/task.ts';
import { until } from '../../support/until.ts';
import type { Exchange } from './fixtures.ts';

/** The key of the fixtures. */
export const KEY = 'FAKE_KEY_0000000000000000000000';
const WORKFLOW = '1904136902449209346';
const TASK = '1994070439827980290';
const WEBHOOK = '1904154698679771137';

/** What is the case before the request of a fixture is sent. */
export interface Situation {
  readonly knobs?: KnobPatch;
  readonly account?: Partial<Account>;
  /** The task the fixture speaks of exists, in this state. Otherwise it is unknown. */
  readonly task?: TaskState;
  /** Its webhook was refused to the end. */
  readonly webhookFailed?: true;
  /** The workflow of the fixture was never run. */
  readonly neverRun?: true;
}

/** A sandbox in that situation, and what stands for the ids of the fixture. */
export async function stage({ knobs = {}, account = {}, task, webhookFailed, neverRun }: Situation): Promise<{ sandbox: RunningRunningHub; ids: Map<string, string> }> {
  const sandbox = await startRunningHubSandbox({
    accounts: [{ name: 'fixture', key: KEY, kind: 'NORMAL', limit: 1, coins: 177_814, ...account }],
    ...(neverRun && { catalog: { workflows: [{ id: WORKFLOW, graph: {}, ready: false }] } }),
    knobs: { hold: 'QUEUED', webhookRetryMs: 0, ...knobs },
  });
  const ids = new Map<string, string>();
  if (task === undefined) return { sandbox, ids };
  // A port where nobody listens.
  const id = await createTask(sandbox, webhookFailed ? 'http://127.0.0.1:1/rh' : undefined);
  sandbox.deeds.move(id, task);
  ids.set(TASK, id).set('task_abc123', id);
  if (webhookFailed) ids.set(WEBHOOK, await failedWebhook(sandbox, id));
  return { sandbox, ids };
}

/** The id of a new task of the fixtures' key. */
export async function createTask({ url }: RunningRunningHub, webhookUrl?: string): Promise<string> {
  const answer = await post(`${url}/task/openapi/create`, { apiKey: KEY, workflowId: WORKFLOW, webhookUrl });
  return z.object({ data: z.object({ taskId: z.string() }) }).parse(answer).data.taskId;
}

const Detail = z.object({ data: z.object({ id: z.string(), retryCount: z.number(), callbackResponse: z.string() }).nullable() });

async function failedWebhook({ url }: RunningRunningHub, taskId: string): Promise<string> {
  return until('the webhook was tried to the end', async () => {
    const { data } = Detail.parse(await post(`${url}/task/openapi/getWebhookDetail`, { apiKey: KEY, taskId }));
    return data?.retryCount === 3 && data.callbackResponse !== '' && data.id;
  });
}

export async function post(url: string, body: unknown): Promise<unknown> {
  return (await fetch(url, { method: 'POST', headers: { 'Content-Type': 'application/json' }, body: JSON.stringify(body) })).json();
}

export interface Answer {
  readonly status: number;
  readonly text: string;
}

/** Sends the request of a fixture, with the ids of this sandbox in place of its own. */
export async function send(url: string, { request }: Exchange, ids: ReadonlyMap<string, string>): Promise<Answer> {
  const ours = (text: string): string => [...ids].reduce((changed, [theirs, id]) => changed.replaceAll(theirs, id), text);
  const query = request.query ? `?${new URLSearchParams(request.query).toString()}` : '';
  const { 'Content-Type': type, ...headers } = request.headers;
  const form = type?.startsWith('multipart/form-data') ? formOf(request) : undefined;
  const body = form ?? request.rawBody ?? (request.body === undefined ? undefined : JSON.stringify(request.body));
  const answer = await fetch(`${url}${ours(request.path)}${query}`, {
    method: request.method,
    headers: { ...headers, ...(form === undefined && type !== undefined && { 'Content-Type': type }) },
    ...(body !== undefined && { body: typeof body === 'string' ? ours(body) : body }),
  });
  return { status: answer.status, text: await answer.text() };
}

function formOf({ form: fields = {}, file }: Exchange['request']): FormData {
  const form = new FormData();
  for (const [name, value] of Object.entries(fields)) form.set(name, value);
  if (file) form.set(file.field, new Blob([Buffer.alloc(file.bytes, 7)], { type: file.contentType }), file.filename);
  return form;
}
