import { Refused } from '../codes.ts';
import { v1, v1Account, v2Envelope } from '../dialects.ts';
import { idOf } from '../json.ts';
import { accountByBearer, accountInV1 } from '../keys.ts';
import { jsonReply } from '../reply.ts';
import { balanceOf } from '../submit.ts';
import type { Task, WebhookRecord } from '../task.ts';
import type { World } from '../world.ts';
import type { Routes } from './routes.ts';
import { taskNamed } from './tasks.ts';
import { ok } from './v1.ts';

/** What an account has and runs. Its key is called apikey in one place. */
export function accountRoutes(routes: Routes, world: World): void {
  routes.add({ name: 'POST /uc/openapi/accountStatus', dialect: v1Account, handle: (asked) => {
    const { apikey } = asked.json;
    if (idOf(apikey) === undefined && asked.bearer === undefined) throw new Refused(1601);
    const account = accountInV1(world, asked, apikey);
    const { coins, money } = balanceOf(world, account);
    const remainMoney = money === undefined ? null : String(Number(money.toFixed(3)));
    const running = world.tasks.count(account, 'RUNNING');
    return ok(world, { remainCoins: String(coins), currentTaskCounts: String(running), remainMoney, currency: account.money?.currency ?? null, apiType: account.kind });
  } });
  routes.add({ name: 'GET /openapi/v2/queue/status', dialect: v2Envelope, handle: (asked) => {
    const account = accountByBearer(world, asked);
    const running = world.tasks.count(account, 'RUNNING');
    const queued = world.tasks.count(account, 'CREATE', 'QUEUED');
    const counts = { runningCount: String(running), queuedCount: String(queued), totalCurrentTasks: String(running + queued) };
    return jsonReply({ code: 0, message: 'success', data: { apiKeyType: account.kind, concurrentLimit: world.tasks.limitOf(account), ...counts } });
  } });
}

/** What became of the webhook of a task, and sending it again. */
export function webhookRoutes(routes: Routes, world: World): void {
  routes.add({ name: 'POST /task/openapi/getWebhookDetail', dialect: v1, handle: (asked) => {
    const body = asked.json;
    const task = taskNamed(world, accountInV1(world, asked, body['apiKey']), body['taskId']);
    if (!task.webhook) throw new Refused(1);
    return ok(world, detail(task, task.webhook));
  } });
  routes.add({ name: 'POST /task/openapi/retryWebhook', dialect: v1, handle: (asked) => {
    const body = asked.json;
    const account = accountInV1(world, asked, body['apiKey']);
    const id = idOf(body['webhookId']);
    const task = world.tasks.all().find((one) => one.account === account && one.webhook?.id === id);
    if (!task?.webhook || id === undefined) throw new Refused(1);
    world.webhooks.again(task, task.webhook, idOf(body['webhookUrl']));
    return ok(world, null, '');
  } });
}

function detail({ id, account }: Task, webhook: WebhookRecord): unknown {
  return {
    id: webhook.id,
    userApiKey: `${account.key.slice(0, 4)}****${account.key.slice(-3)}`,
    taskId: id,
    webhookUrl: webhook.url,
    eventData: JSON.stringify(webhook.eventData),
    callbackStatus: webhook.status,
    callbackResponse: webhook.response,
    retryCount: webhook.retryCount,
    createTime: withoutZone(webhook.createdAt),
    updateTime: withoutZone(webhook.updatedAt),
  };
}

const withoutZone = (at: number): string => new Date(at).toISOString().slice(0, -1);
