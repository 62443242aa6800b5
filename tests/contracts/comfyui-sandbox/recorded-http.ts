import { createHash } from 'node:crypto';
import { readFileSync } from 'node:fs';
import { z } from 'zod';

const Part = z.object({
  name: z.string(),
  value: z.string().optional(),
  filename: z.string().optional(),
  content_type: z.string().optional(),
  data_note: z.string().optional(),
});
export type Part = z.infer<typeof Part>;

const Case = z.looseObject({
  name: z.string(),
  request: z.looseObject({
    method: z.string(),
    path: z.string(),
    headers: z.record(z.string(), z.string()).nullish(),
    body: z.string().nullish(),
    body_base64: z.string().nullish(),
    multipart: z.array(Part).nullish(),
  }),
  response: z.looseObject({
    status: z.number(),
    headers: z.array(z.tuple([z.string(), z.string()])),
    body: z.string().nullish(),
    body_sha256: z.string().optional(),
    body_edited: z.unknown().optional(),
    body_file: z.string().optional(),
    image: z.object({ format: z.string(), width: z.number(), height: z.number(), mode: z.string() }).optional(),
  }),
});
export type Case = z.infer<typeof Case>;

/** What history keeps of a submission; the outputs at the end are a set. */
const QueueItem = z.tuple([z.unknown(), z.string(), z.unknown(), z.unknown(), z.array(z.string())]);

const fixtures = new URL('../../fixtures/comfyui/', import.meta.url);

/** The recorded cases of one file of `tests/fixtures/comfyui/http`. */
export function recordedCases(file: string): Case[] {
  const text = readFileSync(new URL(`http/${file}.json`, fixtures), 'utf8');
  return z.object({ cases: z.array(Case) }).parse(JSON.parse(text)).cases;
}

export function inputPicture(name: string): Buffer {
  return readFileSync(new URL(`workflows/inputs/${name}`, fixtures));
}

/** The recorded form, byte by byte, with the boundary of its Content-Type. */
export function formBody(parts: readonly Part[], contentType: string): Buffer {
  const boundary = contentType.replace(/^.*boundary=/, '');
  const chunks = parts.flatMap((part) => [
    Buffer.from(`--${boundary}\r\nContent-Disposition: form-data; name="${part.name}"${part.filename === undefined ? '' : `; filename="${part.filename}"`}\r\n`),
    Buffer.from(`${part.content_type === undefined ? '' : `Content-Type: ${part.content_type}\r\n`}\r\n`),
    dataOf(part),
    Buffer.from('\r\n'),
  ]);
  return Buffer.concat([...chunks, Buffer.from(`--${boundary}--\r\n`)]);
}

function dataOf(part: Part): Buffer {
  if (part.value !== undefined) return Buffer.from(part.value);
  const picture = /^bytes of workflows\/inputs\/(.*)$/.exec(part.data_note ?? '')?.[1];
  if (picture !== undefined) return inputPicture(picture);
  return Buffer.from(part.data_note === '(no bytes)' ? '' : part.data_note ?? '');
}

export const sha256 = (bytes: Buffer): string => createHash('sha256').update(bytes).digest('hex');

/**
 * A JSON body without what differs from run to run: moments, ids the server makes up, infixes of temp files, where Python
 * was when it raised, how it prints a tensor, and the prose of node declarations.
 */
export function settled(body: string): unknown {
  const text = body
    .replace(/([:[] ?)NaN/g, '$1"NaN"')
    .replace(/"timestamp": \d+/g, '"timestamp": 0')
    .replace(/[0-9a-f]{8}-[0-9a-f]{4}-4[0-9a-f]{3}-[89ab][0-9a-f]{3}-[0-9a-f]{12}/g, (id) => (id.startsWith('00000000') ? id : '<id>'))
    .replace(/ComfyUI_temp_[a-z]{5}_\d{5}_/g, '<temp>');
  return JSON.parse(text, (key, value: unknown) => {
    if (key === 'traceback') return Array.isArray(value) && value.every((line) => typeof line === 'string') ? '<lines>' : value;
    // Sets on the recorded server: any order.
    if (['errors', 'executed', 'current_outputs'].includes(key) && Array.isArray(value)) return value.map((part) => JSON.stringify(part)).sort();
    const item = QueueItem.safeParse(value);
    if (key === 'prompt' && item.success) return item.data.map((part, index) => (index === 4 ? item.data[4].toSorted() : part));
    if (['description', 'tooltip', 'output_tooltips'].includes(key)) return undefined;
    return typeof value === 'string' && value.startsWith('tensor(') ? '<tensor>' : value;
  });
}
