import { member, readBody, readJson, sendEmpty, sendJson } from '../http.ts';
import type { QueueItem } from '../graph.ts';
import type { HistoryEntry } from '../history.ts';
import type { Instance } from '../instance.ts';
import { isRecord, parseJson, writeJson } from '../json.ts';
import { PythonError, toInt, truthy } from '../python.ts';
import type { Routes } from './routes.ts';

const tuple = (item: QueueItem): unknown[] => [item.number, item.promptId, item.prompt, item.extraData, item.outputs];

/** /queue, /interrupt and /free (ws 07 to ws 11, http/free-interrupt-idle). */
export function queueRoutes(routes: Routes, instance: () => Instance): void {
  routes.add('get', '/queue', (_request, response) => {
    const { running, pending } = instance().queue;
    sendJson(response, { queue_running: running.map(tuple), queue_pending: pending.map(tuple) });
  });
  routes.add('post', '/queue', async (request, response) => {
    const body = await readJson(request);
    const { queue } = instance();
    if (truthy(member(body, 'clear'))) queue.clear();
    for (const promptId of each(member(body, 'delete'))) queue.delete(promptId);
    sendEmpty(response);
  });
  routes.add('post', '/interrupt', async (request, response) => {
    const body = parsedOrEmpty((await readBody(request)).toString('utf8'));
    if (!isRecord(body)) throw new PythonError('AttributeError', "no attribute 'get'");
    const promptId = body['prompt_id'];
    if (!truthy(promptId)) instance().interrupt();
    else if (typeof promptId === 'string') instance().interrupt(promptId);
    sendEmpty(response);
  });
  routes.add('post', '/free', async (request, response) => {
    const body = await readJson(request);
    if (!isRecord(body)) throw new PythonError('AttributeError', "no attribute 'get'");
    if (truthy(body['free_memory'])) instance().free();
    sendEmpty(response);
  });
}

/** /history (ws 23, http/prompt-accepted). */
export function historyRoutes(routes: Routes, instance: () => Instance): void {
  const send = (response: Parameters<typeof sendJson>[0], found: Map<string, HistoryEntry>): void => {
    const { knobs } = instance();
    if (knobs.take('failHistory')) throw new PythonError('Exception', 'knob failHistory');
    const shown = knobs.state.emptyHistory ? new Map<string, unknown>() : found;
    sendJson(response, knobs.state.nanHistory ? new Map<string, unknown>([...shown, ['sandbox-nan', { status: NaN }]]) : shown);
  };
  routes.add('get', '/history', (request, response) => {
    send(response, instance().history.page(whole(request.query['max_items']), whole(request.query['offset'])));
  });
  routes.add('get', '/history/:id', (request, response) => {
    send(response, instance().history.one(String(request.params['id'])));
  });
  routes.add('post', '/history', async (request, response) => {
    const body = await readJson(request);
    const { history } = instance();
    if (truthy(member(body, 'clear'))) history.clear();
    for (const promptId of each(member(body, 'delete'))) history.delete(promptId);
    sendEmpty(response);
  });
}

/** A list as it is, a string character by character; other things fail. */
function each(ids: unknown): unknown[] {
  if (ids === undefined) return [];
  if (Array.isArray(ids)) return ids;
  if (typeof ids === 'string') return [...ids];
  if (isRecord(ids)) return Object.keys(ids);
  throw new PythonError('TypeError', `${writeJson(ids)} is not iterable`);
}

/** A query value as a whole number; anything else fails, which becomes a 500. */
function whole(value: unknown): number | undefined {
  return value === undefined ? undefined : Number(toInt(Array.isArray(value) ? value[0] : value));
}

/** Malformed JSON counts as no body at all: an interrupt of whatever runs. */
function parsedOrEmpty(body: string): unknown {
  try {
    return parseJson(body);
  } catch (error) {
    if (error instanceof SyntaxError) return {};
    throw error;
  }
}
