import { randomUUID } from 'node:crypto';
import type { Response } from 'express';
import type { KeySources } from '../cache.ts';
import { member, readJson, sendCrash, sendJson } from '../http.ts';
import type { Instance } from '../instance.ts';
import { type Float, isRecord } from '../json.ts';
import { PythonError, text, toFloat, truthy } from '../python.ts';
import { judge, NO_PROMPT } from '../validation/prompt-validator.ts';
import type { Routes } from './routes.ts';

/** GET and POST /prompt (http/prompt-accepted, http/prompt-rejected-*). */
export function promptRoutes(routes: Routes, instance: () => Instance, sources: KeySources): void {
  routes.add('get', '/prompt', (_request, response) => {
    sendJson(response, { exec_info: { queue_remaining: instance().queue.remaining } });
  });
  routes.add('post', '/prompt', async (request, response) => {
    const { knobs } = instance();
    if (knobs.take('failPromptBefore')) throw new PythonError('Exception', 'knob failPromptBefore');
    const cut = knobs.take('cutPromptBefore');
    const body = await readJson(request);
    await knobs.released(new AbortController().signal, 'holdPrompts');
    if (cut) response.destroy();
    else await submit(body, response, { server: instance(), sources });
  });
}

async function submit(body: unknown, response: Response, { server, sources }: { server: Instance; sources: KeySources }): Promise<void> {
  const number = numberOf(body, server);
  if (!has(body, 'prompt')) {
    sendJson(response, { error: NO_PROMPT, node_errors: {} }, 400);
    return;
  }
  const promptId = isRecord(body) && has(body, 'prompt_id') ? text(body['prompt_id']) : randomUUID();
  const judgement = await judge(promptOf(body), member(body, 'partial_execution_targets'), sources);
  const extraData = extraDataOf(body);
  if (!judgement.ok) {
    sendJson(response, { error: judgement.error, node_errors: judgement.nodeErrors }, 400);
    return;
  }
  server.queue.put({ number, promptId, prompt: judgement.graph, extraData, outputs: judgement.outputs });
  if (server.knobs.take('failPromptAfter')) sendCrash(response);
  else if (server.knobs.take('cutPromptAfter')) response.destroy();
  else sendJson(response, { prompt_id: promptId, number, node_errors: judgement.nodeErrors });
}

/** A given number is echoed as a float; otherwise the counter advances, negated for `front` (ws 22). */
function numberOf(body: unknown, server: Instance): number | Float {
  if (has(body, 'number')) return toFloat(member(body, 'number'));
  const front = has(body, 'front') && truthy(member(body, 'front'));
  const next = server.nextNumber();
  return front ? 0 - next : next;
}

/** Whether the body names this member. A JSON string counts as naming what it contains, and then fails (json string: 500). */
function has(body: unknown, name: string): boolean {
  if (typeof body === 'string') return body.includes(name);
  if (Array.isArray(body)) return body.includes(name);
  return member(body, name) !== undefined;
}

function promptOf(body: unknown): unknown {
  if (isRecord(body)) return body['prompt'];
  throw new PythonError('TypeError', 'indices must be integers');
}

/** Anything is taken as extra_data, but a client id can only be put into an object (ws 33). */
function extraDataOf(body: unknown): unknown {
  const extraData = has(body, 'extra_data') ? member(body, 'extra_data') : {};
  if (!has(body, 'client_id')) return extraData;
  if (!isRecord(extraData)) throw new PythonError('TypeError', 'extra_data does not support item assignment');
  return { ...extraData, client_id: member(body, 'client_id') };
}
