import type { Asked, Upload } from '../asked.ts';
import { Refused } from '../codes.ts';
import { alt, v1, v2Envelope } from '../dialects.ts';
import { accountByBearer, accountInV1 } from '../keys.ts';
import { jsonReply, type Reply } from '../reply.ts';
import type { World } from '../world.ts';
import type { Routes } from './routes.ts';
import { successMsg } from './v1.ts';

export function uploadRoutes(routes: Routes, world: World): void {
  routes.add({ name: 'POST /task/openapi/upload', dialect: v1, handle: (asked) => uploadV1(world, asked) });
  routes.add({ name: 'POST /openapi/v2/media/upload/binary', dialect: v2Envelope, handle: async (asked) => {
    accountByBearer(world, asked, 401);
    const data = world.uploads.keepV2(await fileIn(world, asked, { tooLarge: 1008, missing: 1007 }));
    return jsonReply({ code: codeOf(world), message: 'success', data });
  } });
  routes.add({ name: 'POST /v1/upload', dialect: alt, handle: async (asked) => {
    accountByBearer(world, asked);
    return jsonReply({ url: world.uploads.keepAlt(await fileIn(world, asked, { tooLarge: 809, missing: 301 })) });
  } });
}

/** A rejected key is HTTP 401 with code -1. errorMessages is there for older fileTypes and ZIPs only, as in the examples. */
async function uploadV1(world: World, asked: Asked): Promise<Reply> {
  const form = await asked.form();
  if (!asked.tooLong) checkKey(world, asked, form.fields.get('apiKey'));
  const file = await fileIn(world, asked, { tooLarge: 809, missing: 301 });
  const name = world.uploads.keepV1(file);
  if (world.knobs.state.uploadCode200) return jsonReply({ code: 200, msg: 'success', data: { filename: name, fileType: null } });
  const isZip = !name.includes('/');
  const fileType = isZip ? null : (form.fields.get('fileType') ?? null);
  const errorMessages = fileType === 'input' ? {} : { errorMessages: null };
  return jsonReply({ code: 0, msg: successMsg(world, 'success'), ...errorMessages, data: { fileName: name, fileType } });
}

function checkKey(world: World, asked: Asked, key: string | undefined): void {
  try {
    accountInV1(world, asked, key);
  } catch (error) {
    if (error instanceof Refused) throw new Refused(-1);
    throw error;
  }
}

async function fileIn(world: World, asked: Asked, { tooLarge, missing }: { tooLarge: number; missing: number }): Promise<Upload> {
  if (asked.tooLong) throw new Refused(tooLarge);
  const { file } = await asked.form();
  if (!file || file.filename === '') throw new Refused(missing);
  if (file.bytes.length > world.knobs.state.uploadLimitBytes) throw new Refused(tooLarge);
  return file;
}

const codeOf = ({ knobs }: World): number => (knobs.state.uploadCode200 ? 200 : 0);
