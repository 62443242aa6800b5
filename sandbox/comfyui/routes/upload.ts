import { mkdir, readFile, writeFile } from 'node:fs/promises';
import path from 'node:path';
import type { Response } from 'express';
import { exists, folderOfType, isInside } from '../files.ts';
import { sendEmpty, sendJson } from '../http.ts';
import type { Folders } from '../node.ts';
import { PythonError } from '../python.ts';
import { maskOnto } from './mask.ts';
import { readForm, type Form, type UploadedFile } from './multipart.ts';
import type { Routes } from './routes.ts';

interface Target {
  readonly folders: Folders;
  readonly store: (file: UploadedFile, path: string) => Promise<void>;
}

/** POST /upload/image and /upload/mask (http/upload-image, http/upload-mask). */
export function uploadRoutes(routes: Routes, folders: Folders): void {
  routes.add('post', '/upload/image', async (request, response) => {
    await upload(await readForm(request), response, { folders, store: (file, target) => writeFile(target, file.bytes) });
  });
  routes.add('post', '/upload/mask', async (request, response) => {
    const form = await readForm(request);
    await upload(form, response, { folders, store: (file, target) => maskOnto(folders, form.get('original_ref'), { mask: file.bytes, target }) });
  });
}

async function upload(form: Form, response: Response, { folders, store }: Target): Promise<void> {
  const type = textOf(form, 'type') ?? 'input';
  const root = folderOfType(folders, type);
  if (root === undefined) throw new PythonError('UnboundLocalError', 'unknown type');
  const image = form.get('image');
  const subfolder = textOf(form, 'subfolder') ?? '';
  const folder = path.resolve(root, path.normalize(subfolder));
  if (image === undefined || !staysInside(root, folder, image)) {
    sendEmpty(response, 400);
    return;
  }
  await mkdir(folder, { recursive: true });
  const overwrite = ['true', '1'].includes(textOf(form, 'overwrite') ?? '');
  const place = overwrite ? { name: image.filename, taken: false } : await freeName(folder, image);
  if (!place.taken) await store(image, path.join(folder, place.name));
  sendJson(response, { name: place.name, subfolder, type });
}

function staysInside(root: string, folder: string, image: string | UploadedFile): image is UploadedFile {
  if (typeof image === 'string') throw new PythonError('AttributeError', "'str' object has no attribute 'file'");
  if (path.isAbsolute(image.filename)) throw new PythonError('ValueError', 'absolute file name');
  return isInside(root, path.resolve(folder, image.filename));
}

/** The first of `up.png`, `up (1).png`, `up (2).png`, … that does not exist, or that holds the same bytes already. */
async function freeName(folder: string, image: UploadedFile): Promise<{ name: string; taken: boolean }> {
  const { dir, name, ext } = path.parse(image.filename);
  let candidate = image.filename;
  for (let count = 1; await exists(path.join(folder, candidate)); count += 1) {
    if (image.bytes.equals(await readFile(path.join(folder, candidate)))) return { name: candidate, taken: true };
    candidate = path.join(dir, `${name} (${count})${ext}`);
  }
  return { name: candidate, taken: false };
}

function textOf(form: Form, name: string): string | undefined {
  const value = form.get(name);
  return typeof value === 'string' ? value : undefined;
}
