import { z } from 'zod';
import { COINS_PER_RUN, MONEY_PER_RUN, type Account } from './accounts.ts';
import { Graph, type WebApp, type Workflow } from './catalog/catalog.ts';
import { checkNodeInfo, NodeInfo, SAMPLE_ERRORS } from './checks.ts';
import { Refused } from './codes.ts';
import type { Task } from './task.ts';
import type { World } from './world.ts';

const Flag = z.union([z.boolean(), z.enum(['true', 'false'])]).transform((value) => value === true || value === 'true');

/** What the submits of every dialect may carry. */
const Options = z.object({
  nodeInfoList: z.array(NodeInfo).max(1_000).nullish(),
  webhookUrl: z.url().nullish(),
  instanceType: z.enum(['default', 'plus', 'ultra']).nullish(),
  usePersonalQueue: Flag.nullish(),
  retainSeconds: z.coerce.number().int().min(10).max(180).nullish(),
  accessPassword: z.string().nullish(),
  workflow: z.string().nullish(),
});
type Options = z.infer<typeof Options>;

export interface Submit {
  readonly account: Account;
  readonly kind: 'app' | 'workflow';
  readonly targetId: string | undefined;
  readonly body: Readonly<Record<string, unknown>>;
  /** File inputs may hold URLs and data URIs, too (v2 and alt-v1). */
  readonly remoteFiles: boolean;
}

/** Checks in the order ids, inputs, balance, concurrency; then there is a task, and it will be billed. */
export function submit(world: World, order: Submit): Task {
  const { account, kind, targetId } = order;
  const parsed = Options.safeParse(order.body);
  if (!parsed.success || targetId === undefined) throw new Refused(301, targetId === undefined && kind === 'app' ? 'webappId cannot be null' : undefined);
  const options = parsed.data;
  const target = findTarget(world, order, options);
  const nodeInfoList = options.workflow ? [] : (options.nodeInfoList ?? []);
  const found = checkNodeInfo(nodeInfoList, target, {
    fileKnown: (value) => !world.knobs.state.checkFiles || world.uploads.known(value) || (order.remoteFiles && /^(https?:\/\/|data:)/.test(value)),
    oldMessages: world.knobs.state.oldNodeMessages,
  });
  checkAccount(world, account, options);
  const chosen = world.knobs.takeOutcome();
  const usual = chosen === 'picture' && 'makes' in target ? 'text' : chosen;
  const broken = Object.keys(found).length > 0;
  return world.tasks.create({
    account, kind, targetId, nodeInfoList,
    nodeErrors: usual === 'nodeErrors' && !broken ? SAMPLE_ERRORS : found,
    outcome: broken ? 'nodeErrors' : usual,
    webhookUrl: options.webhookUrl ?? undefined,
  });
}

function findTarget({ catalog }: World, { kind, targetId }: Submit, options: Options): WebApp | Workflow {
  const target = (kind === 'app' ? catalog.webapps : catalog.workflows).find(({ id }) => id === targetId);
  if (!target) throw new Refused(kind === 'app' ? 901 : 380);
  if ('ready' in target && target.ready === false) throw new Refused(810);
  if (target.password !== undefined && target.password !== options.accessPassword) throw new Refused(301, 'accessPassword is wrong');
  if (kind === 'app' && !options.nodeInfoList) throw new Refused(301, 'nodeInfoList cannot be null');
  if (kind === 'workflow' && options.workflow) checkGraph(options.workflow);
  return target;
}

/** A whole graph in place of the saved one. */
function checkGraph(text: string): void {
  const graph = Graph.safeParse(parsed(text));
  if (!graph.success || Object.keys(graph.data).length === 0) throw new Refused(433);
}

function parsed(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch (error) {
    if (error instanceof SyntaxError) return undefined;
    throw error;
  }
}

function checkAccount(world: World, account: Account, { instanceType, usePersonalQueue }: Options): void {
  const { tasks, knobs } = world;
  if (account.machines && !account.machines.includes(instanceType ?? 'default')) throw new Refused(435);
  if (knobs.state.emptyWallets.includes(account.name) || !canPay(world, account)) throw new Refused(account.money ? 812 : 416);
  const alive = tasks.count(account, 'CREATE', 'QUEUED', 'RUNNING');
  if (alive < tasks.limitOf(account)) return;
  if (account.kind !== 'EXCLUSIVE') throw new Refused(421);
  if (usePersonalQueue !== true) throw new Refused(415);
  if (tasks.count(account, 'CREATE', 'QUEUED') >= knobs.state.personalQueueLimit) throw new Refused(814);
}

function canPay(world: World, account: Account): boolean {
  const { coins, money } = balanceOf(world, account);
  return money === undefined ? coins >= COINS_PER_RUN : money >= MONEY_PER_RUN;
}

/** What is left after every run so far. */
export function balanceOf({ counters }: World, account: Account): { coins: number; money: number | undefined } {
  const runs = counters.chargedTo(account.name);
  if (!account.money) return { coins: account.coins - runs * COINS_PER_RUN, money: undefined };
  return { coins: account.coins, money: account.money.amount - runs * MONEY_PER_RUN };
}
