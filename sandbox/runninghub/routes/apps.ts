import type { Account } from '../accounts.ts';
import type { WebApp } from '../catalog/catalog.ts';
import { Refused } from '../codes.ts';
import { v1 } from '../dialects.ts';
import { hex32 } from '../ids.ts';
import { idOf } from '../json.ts';
import { accountInV1 } from '../keys.ts';
import type { World } from '../world.ts';
import type { Routes } from './routes.ts';
import { ok } from './v1.ts';

const HOUR_MS = 3_600_000;

/** What apps and workflows say about themselves, and the upload of LoRAs. */
export function appRoutes(routes: Routes, world: World): void {
  routes.add({ name: 'GET /api/webapp/apiCallDemo', dialect: v1, handle: (asked) => {
    const account = accountInV1(world, asked, asked.query.get('apiKey'));
    const id = asked.query.get('webappId') ?? '';
    if (id === '') throw new Refused(301, 'webappId cannot be null');
    const app = world.catalog.webapps.find((one) => one.id === id);
    if (!app) throw new Refused(901);
    return ok(world, described(world, app, account));
  } });
  routes.add({ name: 'POST /api/openapi/getJsonApiFormat', dialect: v1, handle: (asked) => {
    const body = asked.json;
    accountInV1(world, asked, body['apiKey']);
    const workflow = world.catalog.workflows.find(({ id }) => id === idOf(body['workflowId']));
    if (!workflow) throw new Refused(380);
    return ok(world, { prompt: JSON.stringify(workflow.graph) });
  } });
  routes.add({ name: 'POST /api/openapi/getLoraUploadUrl', dialect: v1, handle: (asked) => {
    const body = asked.json;
    accountInV1(world, asked, body['apiKey']);
    const md5 = body['md5Hex'];
    if (typeof md5 !== 'string' || !/^\w{1,64}$/.test(md5)) throw new Refused(301);
    const fileName = `api-lora-cn/${md5}.safetensors`;
    world.shelf.put(`/lora/${fileName}`, Buffer.alloc(0), Date.now() + HOUR_MS);
    return ok(world, { fileName, url: `${world.filesUrl()}/lora/${fileName}?sign=${hex32()}` });
  } });
}

/** `curl` carries the caller's own key: a client must not pass it on. */
function described({ filesUrl }: World, app: WebApp, account: Account): unknown {
  const count = { likeCount: '0', downloadCount: '0', useCount: '0', pv: '0', collectCount: '0' };
  const cover = `${filesUrl()}/output/covers/${app.id}.png`;
  return {
    descriptionEn: app.descriptionEn,
    curl: sampleCall(account),
    webappName: app.name,
    description: app.description,
    accessEncrypted: app.password !== undefined,
    statisticsInfo: count,
    nodeInfoList: app.inputs,
    covers: [{ id: '1992766471596208129', objName: `covers/${app.id}.png`, url: cover, thumbnailUri: `${cover}?imageMogr2/format/jpg/ignore-error/1`, imageWidth: '96', imageHeight: '64' }],
    tags: [{ id: '1871151815242543197', name: '沙盒', nameEn: 'Sandbox', labels: null }],
  };
}

function sampleCall({ key }: Account): string {
  const body = JSON.stringify({ webappId: 'null', apiKey: key, nodeInfoList: [] }, null, 4);
  return `curl --location --request POST 'https://www.runninghub.cn/task/openapi/ai-app/run' \\\n--header 'Host: www.runninghub.cn' \\\n--header 'Content-Type: application/json' \\\n--data-raw '${body}'`;
}
