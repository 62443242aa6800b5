import { z } from 'zod';

const Body = z.record(z.string(), z.unknown());

/** The object in a JSON text. Whole numbers of 16 or more digits become text, so no id loses digits. Undefined when it is no object. */
export function readObject(text: string): Record<string, unknown> | undefined {
  const exact = (_key: string, value: unknown, context?: { source?: string }): unknown =>
    typeof value === 'number' && context?.source !== undefined && /^-?\d{16,}$/.test(context.source) ? context.source : value;
  try {
    return Body.safeParse(JSON.parse(text, exact)).data;
  } catch (error) {
    if (error instanceof SyntaxError) return undefined;
    throw error;
  }
}

/** An id as text, whether it came as text or as a number; undefined when there is none. */
export function idOf(value: unknown): string | undefined {
  if (typeof value === 'number') return String(value);
  return typeof value === 'string' && value !== '' ? value : undefined;
}

/** JSON text whose task ids are bare numbers, as the schemas of the service declare them. */
export function withBareIds(json: string): string {
  return json.replace(/"(taskId|webhookId)":"(\d{16,})"/g, '"$1":$2');
}
