/** From answers about a task to the task. Pure. */
import type { HubCosts, HubOutput, HubState, HubTask } from '../../models/runninghub.ts';
import type { Answer } from './answer.ts';
import { type CodeClass, stateOf } from './codes.ts';
import { failureOf } from './failure.ts';
import { isRecord, Output, Queried, textOf, Usage } from './wire.ts';

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

/** Entries repeat the costs of the whole task: the first that tells them does. Undefined where there are entries and none can be used. */
function succeeded(entries: readonly unknown[], usage: HubCosts = NO_COSTS): HubTask | undefined {
  const read = entries.flatMap((entry) => Output.safeParse(entry).data ?? []);
  const outputs = read.flatMap((entry) => outputOf(entry) ?? []);
  const lost = read.length < entries.length || read.some((entry) => addressOf(entry) !== undefined);
  if (outputs.length === 0 && lost) return undefined;
  return { ...bare('succeeded'), outputs, costs: read.map(costsIn).reduce(either, usage) };
}

const addressOf = (entry: Output): string | undefined => entry.fileUrl ?? entry.url;

function outputOf(entry: Output): HubOutput | undefined {
  const address = addressOf(entry);
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
