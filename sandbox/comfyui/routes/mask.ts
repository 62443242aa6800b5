import { writeFile } from 'node:fs/promises';
import path from 'node:path';
import sharp from 'sharp';
import { z } from 'zod';
import { annotated, folderOfType, isFile, isInside } from '../files.ts';
import type { Folders } from '../node.ts';
import { PythonError } from '../python.ts';
import type { Form } from './multipart.ts';

const OriginalRef = z.looseObject({ filename: z.string().min(1), type: z.string().default('output'), subfolder: z.string().default('') });

/**
 * Stores the colours of the original with the alpha of the mask. Writes nothing, and says nothing, when there is no such
 * original or its name leaves the folder; fails when the sizes differ or `original_ref` is absent (http/upload-mask).
 */
export async function maskOnto(folders: Folders, ref: ReturnType<Form['get']>, { mask, target }: { mask: Buffer; target: string }): Promise<void> {
  if (typeof ref !== 'string') throw new PythonError('TypeError', 'original_ref is missing');
  const original = originalFile(folders, OriginalRef.parse(JSON.parse(ref)));
  if (original === undefined || !(await isFile(original))) return;
  const colours = await sharp(original).toColourspace('srgb').removeAlpha().raw().toBuffer({ resolveWithObject: true });
  const alpha = await sharp(mask).ensureAlpha().extractChannel('alpha').raw().toBuffer({ resolveWithObject: true });
  const { width, height, channels } = colours.info;
  if (alpha.info.width !== width || alpha.info.height !== height) throw new PythonError('ValueError', 'images do not match');
  const joined = sharp(colours.data, { raw: { width, height, channels } }).joinChannel(alpha.data, { raw: { width, height, channels: 1 } });
  await writeFile(target, await joined.png({ compressionLevel: 4 }).toBuffer());
}

function originalFile(folders: Folders, ref: z.infer<typeof OriginalRef>): string | undefined {
  const { name, folder } = annotated(folders, ref.filename);
  if (name.startsWith('/') || name.includes('..')) return undefined;
  const root = folder ?? folderOfType(folders, ref.type);
  if (root === undefined) return undefined;
  const inside = path.resolve(root, ref.subfolder);
  return isInside(root, inside) ? path.join(inside, name) : undefined;
}
