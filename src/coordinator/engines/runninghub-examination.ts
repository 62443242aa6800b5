import { failedWith, reasonOf } from '../../core/errors.ts';
import type { EngineFinding } from '../../models/engine.ts';
import type { HubAccountStatus, HubTarget, RunningHubApi } from '../../models/runninghub.ts';
import { fitOf, fieldsOf } from './runninghub-fit.ts';
import type { RunninghubEngineOptions } from './runninghub-parts.ts';

type Asked = Pick<RunningHubApi, 'accountStatus' | 'queueStatus' | 'workflowFormat' | 'appInfo' | 'query'>;

const NO_TASK = '1';

/** Host, key, account, workflow or app, its inputs, and how many tasks run at once: all that an operator may have got wrong. Costs nothing. */
export async function examine(api: Asked, options: RunninghubEngineOptions, signal: AbortSignal): Promise<EngineFinding[]> {
  const notes = options.notes.map((advice) => ({ well: true, what: `engine ${options.name}: a remark`, advice }));
  const found = async (look: () => Promise<EngineFinding>): Promise<EngineFinding> => look().catch((error: unknown) => faultOf(error, options));
  if (options.dialect === 'alt-v1') return [...notes, await found(() => altOf(api, options, signal))];
  const account = await found(() => accountOf(api, options, signal));
  if (!account.well) return [...notes, account];
  const { target } = options;
  const own = target ? [await found(() => targetOf(api, { ...options, target }, signal))] : [];
  return [...notes, account, ...own, await found(() => roomOf(api, options, signal))];
}

function faultOf(error: unknown, { name, host, target, settings: { key, address } }: RunninghubEngineOptions): EngineFinding {
  const told = (what: string, advice: string): EngineFinding => ({ well: false, what: `engine ${name}: ${what} (${reasonOf(error)})`, advice });
  if (failedWith(error, 'CONNECTION_ERROR')) return told(`${host} does not answer`, isHere(host) ? `Does the sandbox run there (npm run sandbox:runninghub)? ${address} says where.` : `Can this machine reach that address, and is ${address} right: https://www.runninghub.cn or https://www.runninghub.ai?`);
  if (failedWith(error, 'ENGINE_UNAUTHORIZED')) return told('the key is refused', `Copy the key anew from your account into ${key}, and keep to its site: a key of runninghub.cn is unknown at runninghub.ai, and the other way round (${address}).`);
  if (failedWith(error, 'ENGINE_WORKFLOW_NOT_FOUND')) return told(`its ${target?.kind ?? 'workflow'} cannot be used`, `Is it the number at the end of the address of its page, of the site that ${address} names, and of the right kind (workflow_id or webapp_id)? Save it, and run it there once.`);
  if (failedWith(error, 'UPSTREAM_ERROR') && !error.retryable) return told(`${host} answers, but not as RunningHub does`, `Set ${address} without a path: https://www.runninghub.cn or https://www.runninghub.ai.`);
  return told(`${host} answers with an error`, 'Try again after a moment; if it lasts, look at the website of RunningHub.');
}

const isHere = (host: string): boolean => /^(localhost|127(\.\d+){3}|\[::1\])(:\d+)?$/.test(host);

/** The alt-v1 dialect has no call for accounts and workflows: a task that is not there is asked for, which costs nothing. */
async function altOf(api: Asked, { name, host }: RunninghubEngineOptions, signal: AbortSignal): Promise<EngineFinding> {
  await api.query(NO_TASK, signal);
  return { well: true, what: `engine ${name}: ${host} answers and takes the key; whether its workflow is there, the first task will tell` };
}

async function accountOf(api: Asked, { name, host, keyPlace, settings }: RunninghubEngineOptions, signal: AbortSignal): Promise<EngineFinding> {
  const account = await api.accountStatus(signal).catch(async (error: unknown) => {
    if (!failedWith(error, 'ENGINE_UNAUTHORIZED')) throw error;
    // A call that has the key in the header, whatever the settings say: some keys are taken there alone.
    await api.queueStatus(signal).catch(() => {
      throw error;
    });
    return undefined;
  });
  if (!account && keyPlace === 'header') return { well: true, what: `engine ${name}: the key is taken at ${host} (in the header alone, where its balance is not told)` };
  if (!account) return { well: false, what: `engine ${name}: the key is refused at ${host} in some calls, and taken in others`, advice: `It seems to be one that is taken in the header alone: set ${settings.keyPlace}.` };
  const what = `engine ${name}: the key is taken at ${host} (${balanceOf(account)}; ${account.running ?? 'an unknown number of'} tasks run)`;
  return [account.coins, account.money].every((amount) => amount === undefined || Number(amount) === 0) ? { well: false, what, advice: 'There is nothing left to pay with: top the account up.' } : { well: true, what };
}

function balanceOf({ keyType, coins, money, currency }: HubAccountStatus): string {
  return [keyType, coins === undefined ? undefined : `${coins} coins`, money === undefined ? undefined : `${money} ${currency ?? 'money'}`].filter((part) => part !== undefined).join(', ') || 'it does not say more';
}

async function targetOf(api: Asked, { name, target, places, outputs, accessPassword }: RunninghubEngineOptions & { readonly target: HubTarget }, signal: AbortSignal): Promise<EngineFinding> {
  const what = `engine ${name}: ${target.kind} ${target.id} is there`;
  const { fields, needsPassword } = await fieldsOf(api, target, signal);
  const wrong = [...fitOf({ places, outputs, kind: target.kind }, fields), ...(needsPassword && accessPassword === undefined ? ['it needs a password: set access_password'] : [])];
  return wrong.length === 0 ? { well: true, what: target.kind === 'app' ? what : `${what}; whether it was run there once, as it must have been, the first task will tell` } : { well: false, what: `${what}, but what the engine says of it does not fit`, advice: wrong.join('\n     ') };
}

async function roomOf(api: Asked, { name, concurrency }: RunninghubEngineOptions, signal: AbortSignal): Promise<EngineFinding> {
  const { concurrentLimit } = await api.queueStatus(signal);
  const at = concurrency === undefined || concurrency >= (concurrentLimit ?? Infinity) ? '' : `, of which it uses ${concurrency} at most`;
  return { well: true, what: `engine ${name}: the account runs ${concurrentLimit ?? 'an unknown number of'} tasks at once${at}` };
}
