import { styleText } from 'node:util';

const colours = { error: 'red', warn: 'yellow', info: 'green', http: 'cyan', debug: 'gray' } as const;
const told = new Set(['timestamp', 'level', 'service', 'message', 'request_id']);

/** One short line for a person at a terminal: time, level, component, message, fields. */
export function terminalLine(record: Readonly<Record<string, unknown>>): string {
  const level = Object.keys(colours).find((name): name is keyof typeof colours => name === record['level']) ?? 'info';
  const time = shown(record['timestamp']).slice(11, 23);
  const fields = Object.entries(record).filter(([key, value]) => !told.has(key) && value !== undefined).map(([key, value]) => styleText('dim', `${key}=`) + shown(value));
  const id = record['request_id'] === undefined ? [] : [styleText('dim', shown(record['request_id']))];
  return [styleText('dim', time), styleText(colours[level], level.padEnd(5)), styleText('bold', shown(record['service'])), shown(record['message']), ...fields, ...id].join(' ');
}

function shown(value: unknown): string {
  if (typeof value === 'string') return value.replace(/\s*\n\s*/g, ' ');
  if (typeof value !== 'object' || value === null) return String(value);
  if ('message' in value && 'name' in value) return faultLine(value);
  return JSON.stringify(value);
}

/** An error in a few words, with its causes; files hold the stack. */
function faultLine(error: object): string {
  const code = 'code' in error ? `${shown(error.code)} ` : '';
  const cause = 'cause' in error ? ` ← ${shown(error.cause)}` : '';
  return `${code}${'message' in error ? shown(error.message) : ''}${cause}`;
}
