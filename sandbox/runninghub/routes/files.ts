import type { Request } from 'express';
import { Refused } from '../codes.ts';
import { store } from '../dialects.ts';
import { pictureOf } from '../picture.ts';
import { bytesReply, jsonReply, type Reply } from '../reply.ts';
import type { World } from '../world.ts';
import type { Routes } from './routes.ts';

const HOUR_MS = 3_600_000;
const notFound: Reply = { ...store(new Refused(0, 'NoSuchKey')), status: 404 };

/** The host of files: results, uploads and LoRAs. It needs no key, and counts whoever sends one. */
export function fileRoutes(routes: Routes, world: World): void {
  const { shelf, knobs } = world;
  routes.add({ name: 'GET /output', path: '/output/{*path}', dialect: store, handle: ({ path }) => {
    const cover = /^\/output\/covers\/(\d+)\.png$/.exec(path);
    if (cover) return bytesReply(pictureOf(cover[1] ?? ''), 'image/png');
    const file = shelf.get(path);
    if (!file) return notFound;
    if (knobs.state.resultsExpired || file.expiresAt <= Date.now()) throw new Refused(0, 'Request has expired');
    return bytesReply(file.bytes, file.mediaType);
  } });
  routes.add({ name: 'GET /input', path: '/input/{*path}', dialect: store, handle: ({ path }) => {
    const file = shelf.get(path);
    if (!file) return notFound;
    if (file.expiresAt <= Date.now()) throw new Refused(0, 'Request has expired');
    return bytesReply(file.bytes, file.mediaType);
  } });
  routes.add({ name: 'PUT /lora', path: '/lora/{*path}', dialect: store, handle: ({ path, bytes }) => {
    if (!shelf.get(path)) throw new Refused(0, 'The signature does not match');
    shelf.put(path, bytes, Date.now() + HOUR_MS);
    return { ...jsonReply(null), body: '' };
  } });
}

export function carriesCredential({ headers, url }: Request): boolean {
  return headers.authorization !== undefined || headers.cookie !== undefined || /api_?key/i.test(url) || 'apikey' in headers || 'x-api-key' in headers;
}
