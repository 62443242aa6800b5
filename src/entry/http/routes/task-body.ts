/** From the body of a call to what it asks for. */
import { z } from 'zod';
import { fail } from '../../../core/errors.ts';
import type { RouteContext } from '../route.ts';
import { PipelineTask, type TaskRequest, TemplateTask, WorkflowTask } from '../../../models/task.ts';
import { invalid } from '../problem.ts';

export type Fields = Readonly<Record<string, unknown>>;

const ways: readonly string[] = ['template', 'workflow', 'task_type'];

/** Which of the three ways it is, by the field that it has; those that are `null` are left out. Throws VALIDATION_ERROR in the words of that way. */
export function readTask(given: Fields): TaskRequest {
  const body = Object.fromEntries(Object.entries(given).filter(([name, value]) => !ways.includes(name) || value !== null));
  const said = ways.filter((name) => body[name] !== undefined);
  if (said.length !== 1) throw fail('VALIDATION_ERROR', `body: give one of "template", "workflow" and "task_type"${said.length > 1 ? `, not ${said.join(' and ')}` : ''}.`);
  if (said[0] === 'template') return { kind: 'template', request: read(TemplateTask, body) };
  if (said[0] === 'workflow') return { kind: 'workflow', request: read(WorkflowTask, body) };
  return { kind: 'pipeline', request: read(PipelineTask, body) };
}

export function read<T extends z.ZodType>(schema: T, body: unknown): z.output<T> {
  const parsed = schema.safeParse(body);
  if (!parsed.success) throw invalid('body', parsed.error, body);
  return parsed.data;
}

/** Where a list goes on: empty for its first page. */
export const Cursor = z
  .string()
  .refine((text) => text === '' || z.uuid().safeParse(text).success, 'is not a next_cursor of this list')
  .transform((text) => (text === '' ? undefined : text))
  .optional()
  .meta({ description: '`next_cursor` of the page before; empty for the first.' });

const Key = z.string().regex(/^[\x21-\x7e]{1,255}$/);

/** The Idempotency-Key of a call. Quotation marks around it are taken off. */
export function idempotencyKeyOf({ request }: Pick<RouteContext, 'request'>): string | undefined {
  const given = request.headers['idempotency-key'];
  if (given === undefined) return undefined;
  const key = Key.safeParse(String(given).trim().replace(/^"(.*)"$/, '$1'));
  if (!key.success) throw fail('VALIDATION_ERROR', 'Idempotency-Key must be 1 to 255 printable characters without spaces.');
  return key.data;
}

/** Longest wait in seconds. */
export const longestWait = 300;

/** What the document says of the headers that are read here. */
export const taskHeaders = {
  'Idempotency-Key': { description: '1 to 255 printable characters. The same call with the same key within 24 hours is answered with the task that it made, and with `Idempotency-Replayed: true`.', schema: Key },
  Prefer: { description: `\`wait=30\`: answer as soon as it has ended, and after so many seconds at the latest (up to ${longestWait}).`, schema: z.string() },
};

/** Seconds of `Prefer: wait=30`; undefined where the caller does not want to wait. */
export function waitOf({ request }: Pick<RouteContext, 'request'>): number | undefined {
  const wait = /(?:^|[,;\s])wait\s*=\s*"?(\d{1,6})"?/i.exec(String(request.headers['prefer'] ?? ''))?.[1];
  return wait === undefined ? undefined : Math.min(Number(wait), longestWait);
}
