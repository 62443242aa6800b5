import path from 'node:path';
import type { Request, Response } from 'express';
import { annotated, folderOfType, isFile, isInside } from '../files.ts';
import { sendEmpty } from '../http.ts';
import type { Knobs } from '../knobs.ts';
import type { Folders } from '../node.ts';
import { PythonError } from '../python.ts';
import { channelPng, previewPicture } from './pictures.ts';
import type { Routes } from './routes.ts';
import { dispositionOf, sendFile } from './send-file.ts';

/** GET and HEAD /view (http/view). */
export function viewRoutes(routes: Routes, folders: Folders, knobs: Knobs): void {
  routes.add('get', '/view', async (request, response) => {
    if (knobs.take('failView')) throw new PythonError('Exception', 'knob failView');
    const found = locate(folders, request);
    if (typeof found === 'number') {
      sendEmpty(response, found);
      return;
    }
    if (!(await isFile(found))) sendEmpty(response, 404);
    else if (knobs.take('truncateView')) await sendFile(request, response, { file: found, cutShort: true });
    else await show(request, response, found);
  });
}

/** The file a request names, or the status that refuses it. A directory part of the name is dropped. */
function locate(folders: Folders, request: Request): string | number {
  const filename = query(request, 'filename');
  if (filename === undefined) return 404;
  const { name, folder } = annotated(folders, filename);
  if (name === '' || name.startsWith('/') || name.includes('..')) return 400;
  const root = folder ?? folderOfType(folders, query(request, 'type') ?? 'output');
  if (root === undefined) return 400;
  const inside = path.resolve(root, query(request, 'subfolder') ?? '');
  return isInside(root, inside) ? path.join(inside, path.basename(name)) : 403;
}

async function show(request: Request, response: Response, file: string): Promise<void> {
  const preview = query(request, 'preview');
  const channel = query(request, 'channel');
  if (preview !== undefined) {
    const { bytes, format } = await previewPicture(file, preview, channel ?? '');
    sendPicture(response, file, { bytes, type: `image/${format}` });
  } else if (channel === 'rgb' || channel === 'a') {
    sendPicture(response, file, { bytes: await channelPng(file, channel), type: 'image/png' });
  } else {
    await sendFile(request, response, { file, cutShort: false });
  }
}

/** A picture made for this request: no ETag, ranges ignored. */
function sendPicture(response: Response, file: string, { bytes, type }: { bytes: Buffer; type: string }): void {
  response.writeHead(200, { 'Content-Disposition': dispositionOf(file), 'Content-Type': type, 'Content-Length': bytes.length });
  response.end(response.req.method === 'HEAD' ? undefined : bytes);
}

function query(request: Request, name: string): string | undefined {
  const value = request.query[name];
  const first: unknown = Array.isArray(value) ? value[0] : value;
  return typeof first === 'string' ? first : undefined;
}
