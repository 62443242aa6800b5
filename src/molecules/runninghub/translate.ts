/** From RunningHub's answers to outcomes and tasks. Pure. */
import { limits } from '../../constants/limits.ts';
import type { GatewayError } from '../../core/errors.ts';
import type { PromptError } from '../../models/prompt-state.ts';
import type { HubCosts, HubOutput, HubState, HubSubmitOutcome, HubTask } from '../../models/runninghub.ts';
import { type Answer, errorOf } from './answer.ts';
import { jsonOf } from './calls.ts';
import { type CodeClass, stateOf } from './codes.ts';
import { tipFaults } from './prompt-tips.ts';
import { FailedReason, isRecord, Output, Queried, Submitted, textOf, Usage } from './wire.ts';

/** What came of a submit. `base`: the address that was asked. */
export function submitted(answer: Answer, base: string): HubSubmitOutcome {
  const given = Submitted.parse(isRecord(answer.data) ? answer.data : answer.body);
  const { taskId } = given;
  if (answer.row.kind === 'ok' && taskId !== undefined) {
    return { kind: 'accepted', taskId, state: stateOf(given.taskStatus ?? given.status), faults: tipFaults(given.promptTips) };
  }
  if (answer.row.retry === 'backoff') return { kind: 'refused', error: errorOf(answer, base), again: { afterMs: answer.row.afterMs ?? 0 } };
  const error = errorOf(answer, base, { retryable: false });
  if (taskId !== undefined || undecided.has(answer.row.kind)) return { kind: 'unknown', error, taskId, late: LATE.has(answer.status) };
  return { kind: 'refused', error, again: undefined };
}

/** After these a task may exist. */
const undecided: ReadonlySet<CodeClass> = new Set(['ok', 'transient', 'queued', 'running', 'failed', 'ended']);
/** What a gateway says that had no answer in time from the server behind it. */
const LATE = new Set([408, 504, 524]);

const NO_COSTS: HubCosts = { seconds: undefined, coins: undefined, money: undefined, thirdPartyMoney: undefined };
const NOTHING = { gone: false, outputs: [], costs: NO_COSTS, failure: undefined } as const;
/** A task of which nothing but its state is known. */
export const bare = (state: HubState): HubTask => ({ ...NOTHING, state });
export const goneTask: HubTask = { ...NOTHING, state: 'unknown', gone: true };

/** The task of an answer of outputs; undefined where it tells of none. */
export function taskOfOutputs(answer: Answer): HubTask | undefined {
  if (answer.row.kind === 'failed') return failed(answer, isRecord(answer.data) ? answer.data['failedReason'] : answer.data);
  if (answer.row.kind !== 'ok') return taskOfCode(answer);
  const { data } = answer;
  if (Array.isArray(data)) return succeeded(data);
  return data === null || data === undefined ? bare('running') : bare(stateOf(wordOf(data)));
}

/** The task of an answer of status; undefined where it tells of none. */
export function taskOfStatus(answer: Answer): HubTask | undefined {
  return answer.row.kind === 'ok' ? bare(stateOf(wordOf(answer.data))) : taskOfCode(answer);
}

function wordOf(data: unknown): string | undefined {
  return isRecord(data) ? (textOf(data['taskStatus']) ?? textOf(data['status'])) : textOf(data);
}

/** The task of an answer of query; undefined where it tells of none: a refused call is told as a task that failed, without its id. */
export function taskOfQuery(answer: Answer): HubTask | undefined {
  const query = Queried.parse(isRecord(answer.data) ? answer.data : answer.body);
  const state = stateOf(query.status);
  if (ofTheCall.has(answer.row.kind)) return undefined;
  if (state === 'failed') return query.taskId === undefined && answer.row.kind !== 'failed' ? taskOfCode(answer) : failed(answer, query.failedReason, costsOf(query.usage));
  if (state === 'succeeded') return succeeded(Array.isArray(query.results) ? query.results : [], costsOf(query.usage));
  if (state !== 'unknown') return { ...bare(state), costs: costsOf(query.usage) };
  if (answer.code === '1007') return goneTask;
  return answer.row.kind === 'ok' ? bare('unknown') : taskOfCode(answer);
}

/** They speak of the key, the address or the pace, never of a task. */
const ofTheCall: ReadonlySet<CodeClass> = new Set(['auth', 'plan', 'config', 'rate_limited', 'busy']);

function taskOfCode(answer: Answer): HubTask | undefined {
  const { kind } = answer.row;
  if (kind === 'queued' || kind === 'running') return bare(kind);
  if (kind === 'failed') return failed(answer, undefined);
  return kind === 'task_not_found' ? goneTask : undefined;
}

/** Entries repeat the costs of the whole task: the first that tells them does. Undefined for entries of which none can be read. */
function succeeded(entries: readonly unknown[], usage: HubCosts = NO_COSTS): HubTask | undefined {
  const read = entries.flatMap((entry) => Output.safeParse(entry).data ?? []);
  const outputs = read.flatMap((entry) => outputOf(entry) ?? []);
  if (entries.length > 0 && outputs.length === 0) return undefined;
  return { ...bare('succeeded'), outputs, costs: read.map(costsIn).reduce(either, usage) };
}

function outputOf(entry: Output): HubOutput | undefined {
  const address = entry.fileUrl ?? entry.url;
  const url = address !== undefined && /^https?:\/\//i.test(address) ? address : undefined;
  if (url === undefined && entry.text === undefined) return undefined;
  return { url, text: entry.text, fileType: (entry.fileType ?? entry.outputType ?? extensionOf(url)).toLowerCase(), nodeId: entry.nodeId };
}

/** The extension of the file that an address names; empty where there is none. */
export function extensionOf(url: string | undefined): string {
  return /\.([a-z\d]{1,8})(?:[?#]|$)/i.exec(url ?? '')?.[1] ?? '';
}

const costsIn = (entry: Pick<Output, 'taskCostTime' | 'consumeCoins' | 'consumeMoney' | 'thirdPartyConsumeMoney'>): HubCosts => ({
  seconds: entry.taskCostTime, coins: entry.consumeCoins, money: entry.consumeMoney, thirdPartyMoney: entry.thirdPartyConsumeMoney,
});
const costsOf = (usage: unknown): HubCosts => (isRecord(usage) ? costsIn(Usage.parse(usage)) : NO_COSTS);
const either = (a: HubCosts, b: HubCosts): HubCosts => ({
  seconds: a.seconds ?? b.seconds, coins: a.coins ?? b.coins, money: a.money ?? b.money, thirdPartyMoney: a.thirdPartyMoney ?? b.thirdPartyMoney,
});

function failed(answer: Answer, reason: unknown, costs = NO_COSTS): HubTask {
  return { ...bare('failed'), costs, failure: failureOf(answer, reason) };
}

/** Who raised what, where RunningHub says so. The reason is an object, a text that holds one, or just words. */
function failureOf(answer: Answer, reason: unknown): PromptError {
  const parsed = typeof reason === 'string' ? (jsonOf(reason) ?? reason) : reason;
  const raised = isRecord(parsed) ? FailedReason.parse(parsed) : FailedReason.parse({ exception_message: textOf(parsed) });
  const message = raised.exception_message?.trim().slice(0, limits.sentence);
  const traceback = linesOf(raised.traceback);
  const where = raised.node_id === undefined ? 'A node' : `Node ${raised.node_id}${raised.node_name ? ` (${raised.node_name})` : ''}`;
  const knows = raised.node_id ?? raised.exception_type ?? message;
  return {
    code: raised.node_id === undefined ? failureCode(answer) : 'WORKFLOW_EXECUTION_ERROR',
    reason: knows === undefined ? plainReason(answer) : `${where} raised ${raised.exception_type ?? 'an exception'}${message ? `: ${message}` : '.'}`,
    ...(raised.node_id === undefined ? {} : { node_id: raised.node_id }),
    ...(raised.node_name === undefined ? {} : { class_type: raised.node_name }),
    ...(raised.exception_type === undefined ? {} : { exception_type: raised.exception_type }),
    ...(message ? { exception_message: message } : {}),
    ...(traceback.length > 0 ? { traceback } : {}),
  };
}

/** What a task fails for by itself keeps its code; a server that says no more than "failed" does not make it another. */
function failureCode({ row }: Answer): GatewayError['code'] {
  const own = row.kind === 'failed' || row.kind === 'invalid_input' || row.kind === 'too_large' || row.kind === 'balance';
  return (own ? row.error : undefined) ?? 'WORKFLOW_EXECUTION_ERROR';
}

function plainReason({ code, row, said }: Answer): string {
  const words = said === row.name || said === 'success' ? '' : said.slice(0, limits.told);
  const number = code === undefined || code === '0' ? '' : ` (code ${code.slice(0, limits.told)})`;
  return words === '' ? `RunningHub does not say why${number}. ${row.kind === 'ok' ? '' : row.sentence}`.trim() : `RunningHub says "${words}"${number}.`;
}

/** A list, a text that holds one, or lines. */
function linesOf(traceback: unknown): string[] {
  const parsed = typeof traceback === 'string' ? (jsonOf(traceback) ?? traceback.split('\n')) : traceback;
  const lines = Array.isArray(parsed) ? parsed.flatMap((line: unknown) => textOf(line) ?? []) : [];
  return lines.slice(0, limits.faults).map((line) => line.slice(0, limits.sentence));
}
