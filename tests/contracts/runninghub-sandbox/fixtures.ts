import { readdirSync, readFileSync } from 'node:fs';
import { z } from 'zod';

const folder = new URL('../../fixtures/runninghub/', import.meta.url);

const Request = z.object({
  method: z.enum(['GET', 'POST']),
  path: z.string(),
  headers: z.record(z.string(), z.string()),
  query: z.record(z.string(), z.string()).optional(),
  body: z.unknown().optional(),
  rawBody: z.string().optional(),
  form: z.record(z.string(), z.string()).optional(),
  file: z.object({ field: z.string(), filename: z.string(), contentType: z.string(), bytes: z.number() }).optional(),
});

const Exchange = z.object({
  name: z.string(),
  request: Request,
  response: z.object({ status: z.number(), body: z.unknown().optional(), rawBody: z.string().optional() }),
});
export type Exchange = z.infer<typeof Exchange>;

const read = (file: string): unknown => JSON.parse(readFileSync(new URL(file, folder), 'utf8'));

export const fixtureNames: readonly string[] = readdirSync(folder).filter((file) => file.endsWith('.json')).map((file) => file.slice(0, -5));

export const exchange = (name: string): Exchange => Exchange.parse(read(`${name}.json`));

const Codes = z.object({ codes: z.array(z.object({ code: z.number(), name: z.string(), category: z.string(), scope: z.enum(['v1', 'v2', 'both']) })) });
export const errorCodes = Codes.parse(read('error-codes.json')).codes;

const Frame = z.object({ type: z.string(), data: z.record(z.string(), z.unknown()) });
export type Frame = z.infer<typeof Frame>;
export const socketFrames = z.object({ frames: z.array(Frame), failureFrames: z.array(Frame) }).parse(read('ws-frames.json'));
