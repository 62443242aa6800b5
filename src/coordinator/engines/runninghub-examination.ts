import { failedWith, reasonOf } from '../../core/errors.ts';
import type { EngineFinding } from '../../models/engine.ts';
import type { HubAccountStatus, HubTarget, RunningHubApi } from '../../models/runninghub.ts';
import type { Target } from '../../models/template.ts';
import type { RunninghubEngineOptions } from './runninghub-parts.ts';

type Asked = Pick<RunningHubApi, 'accountStatus' | 'queueStatus' | 'workflowFormat' | 'appInfo' | 'query'>;

const NO_TASK = '1';

/** Host, key, account, workflow or app, its inputs, and how many tasks run at once: all that an operator may have got wrong. Costs nothing. */
export async function examine(api: Asked, options: RunninghubEngineOptions, signal: AbortSignal): Promise<EngineFinding[]> {
  const notes = options.notes.map((advice) => ({ well: true, what: `engine ${options.name}: a remark`, advice }));
  if (options.dialect === 'alt-v1') return [...notes, await found(`engine ${options.name}: the key is refused, or ${options.host} does not answer`, () => altOf(api, options, signal))];
  const account = await found(`engine ${options.name}: the key is refused, or ${options.host} does not answer`, () => accountOf(api, options, signal));
  if (!account.well) return [...notes, account];
  const { target } = options;
  const own = target ? [await found(`engine ${options.name}: its ${target.kind} cannot be used`, () => targetOf(api, { ...options, target }, signal))] : [];
  return [...notes, account, ...own, await found(`engine ${options.name}: it does not say how many tasks run at once`, () => roomOf(api, options, signal))];
}

async function found(what: string, look: () => Promise<EngineFinding>): Promise<EngineFinding> {
  try {
    return await look();
  } catch (error) {
    return { well: false, what: `${what} (${reasonOf(error)})`, advice: adviceFor(error) };
  }
}

function adviceFor(error: unknown): string {
  if (failedWith(error, 'CONNECTION_ERROR')) return 'Can this machine reach that address, and is api_base_url right: https://www.runninghub.cn or https://www.runninghub.ai?';
  if (failedWith(error, 'ENGINE_UNAUTHORIZED')) return 'Copy the key anew from your account, and keep to its site: a key of runninghub.cn is unknown at runninghub.ai, and the other way round (api_base_url).';
  if (failedWith(error, 'ENGINE_WORKFLOW_NOT_FOUND')) return 'Is it the number at the end of the address of its page, of the site that api_base_url names, and of the right kind (workflow_id or webapp_id)? Save it, and run it there once.';
  return 'Try again after a moment; if it lasts, look at the website of RunningHub.';
}

/** The alt-v1 dialect has no call for accounts and workflows: a task that is not there is asked for, which costs nothing. */
async function altOf(api: Asked, { name, host }: RunninghubEngineOptions, signal: AbortSignal): Promise<EngineFinding> {
  await api.query(NO_TASK, signal);
  return { well: true, what: `engine ${name}: ${host} answers and takes the key; whether its workflow is there, the first task will tell` };
}

async function accountOf(api: Asked, { name, host }: RunninghubEngineOptions, signal: AbortSignal): Promise<EngineFinding> {
  const account = await api.accountStatus(signal);
  const what = `engine ${name}: the key is taken at ${host} (${balanceOf(account)}; ${account.running ?? 'an unknown number of'} tasks run)`;
  return [account.coins, account.money].every((amount) => amount === undefined || Number(amount) === 0) ? { well: false, what, advice: 'There is nothing left to pay with: top the account up.' } : { well: true, what };
}

function balanceOf({ keyType, coins, money, currency }: HubAccountStatus): string {
  return [keyType, coins === undefined ? undefined : `${coins} coins`, money === undefined ? undefined : `${money} ${currency ?? 'money'}`].filter((part) => part !== undefined).join(', ') || 'it does not say more';
}

async function targetOf(api: Asked, { name, target, places }: Pick<RunninghubEngineOptions, 'name' | 'places'> & { readonly target: HubTarget }, signal: AbortSignal): Promise<EngineFinding> {
  const has = await fieldsOf(api, target, signal);
  const what = `engine ${name}: ${target.kind} ${target.id} is there`;
  const lost = places.filter(({ node, input }) => !has.get(node)?.includes(input));
  if (lost.length === 0) return { well: true, what };
  return { well: false, what: `${what}, but not all of its inputs are`, advice: lost.map((place) => `${place.name}: ${wordsOf(place, has)}`).join('\n     ') };
}

function wordsOf({ node, input }: Target, has: ReadonlyMap<string, readonly string[]>): string {
  const fields = has.get(node);
  return fields ? `node ${node} has no field "${input}"; it has: ${fields.join(', ') || 'none'}` : `there is no node ${node} that can be set; there are: ${[...has.keys()].join(', ') || 'none'}`;
}

/** Fields that may be set, by node. */
async function fieldsOf(api: Asked, { kind, id }: HubTarget, signal: AbortSignal): Promise<ReadonlyMap<string, readonly string[]>> {
  if (kind === 'app') {
    const { inputs } = await api.appInfo(id, signal);
    return new Map([...Map.groupBy(inputs, (input) => input.node_id)].map(([node, its]) => [node, its.map(({ field }) => field)]));
  }
  return new Map(Object.entries(await api.workflowFormat(id, signal)).map(([node, entry]) => {
    const inputs: unknown = typeof entry === 'object' && entry !== null && 'inputs' in entry ? entry.inputs : undefined;
    return [node, typeof inputs === 'object' && inputs !== null ? Object.keys(inputs) : []];
  }));
}

async function roomOf(api: Asked, { name, concurrency }: RunninghubEngineOptions, signal: AbortSignal): Promise<EngineFinding> {
  const { concurrentLimit } = await api.queueStatus(signal);
  const at = concurrency === undefined ? '' : `, of which it uses ${concurrency} at most`;
  return { well: true, what: `engine ${name}: the account runs ${concurrentLimit ?? 'an unknown number of'} tasks at once${at}` };
}
