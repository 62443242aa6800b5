/** From an answer to what it means: a row of the code table, or our error. Pure. */
import { limits } from '../../constants/limits.ts';
import { fail, type FailOptions, type GatewayError } from '../../core/errors.ts';
import type { Fault } from '../../models/problem.ts';
import { siteHint } from './account.ts';
import type { RawAnswer } from './calls.ts';
import { type CodeRow, codes, statusRow, unknownCode } from './codes.ts';
import { tipFaults } from './prompt-tips.ts';
import { isRecord, textOf } from './wire.ts';

export interface Answer {
  readonly call: string;
  readonly about: string | undefined;
  readonly status: number;
  /** As it was sent; undefined where none was. */
  readonly code: string | undefined;
  readonly row: CodeRow;
  /** RunningHub's own words. */
  readonly said: string;
  readonly body: Readonly<Record<string, unknown>>;
  readonly data: unknown;
}

/** A code that the table knows decides, whatever the HTTP status; without one, a bad status does. */
export function answerOf(raw: RawAnswer): Answer {
  const body = isRecord(raw.json) ? raw.json : {};
  const code = codeOf(body);
  const said = [body['msg'], body['message'], body['errorMessage']].map(textOf).find(Boolean) ?? '';
  return { call: raw.call, about: raw.about, status: raw.status, code, row: rowOf(code, raw.status), said: code === undefined && said === '' ? raw.text.slice(0, limits.sentence) : said, body, data: body['data'] };
}

function rowOf(code: string | undefined, status: number): CodeRow {
  const known = code !== undefined && /^-?\d{1,9}$/.test(code) ? codes.get(Number(code)) : undefined;
  const good = status >= 200 && status < 300;
  if (known && (good || known.kind !== 'ok')) return known;
  return code === undefined || !good ? statusRow(status) : unknownCode;
}

/** Both generations' code. A flat answer without an error has an empty one, or none. */
function codeOf(body: Readonly<Record<string, unknown>>): string | undefined {
  if (body['code'] !== undefined && body['code'] !== null) return textOf(body['code'])?.trim() ?? 'unreadable';
  if (Object.hasOwn(body, 'errorCode') || Object.hasOwn(body, 'taskId')) return textOf(body['errorCode'])?.trim() || '0';
  return undefined;
}

/** What is thrown for an answer that is none of those hoped for. `base`: the address that was asked. */
export function errorOf(answer: Answer, base: string, options: Pick<FailOptions, 'retryable'> = {}): GatewayError {
  const { row } = answer;
  const retryAfter = row.afterMs === undefined ? {} : { retryAfter: Math.ceil(row.afterMs / 1_000) };
  const retryable = row.retry === 'backoff' || row.retry === 'reads' || row.retry === 'yes';
  return fail(row.error ?? 'UPSTREAM_ERROR', `RunningHub answered ${told(answer)}${answer.about === undefined ? '' : ` for ${answer.about}`}: ${row.sentence}${quoted(answer)}${row.site ? siteHint(base) : ''}`, { retryable, ...retryAfter, faults: faultsOf(answer), ...options });
}

/** What is thrown for a good answer whose content cannot be read. */
export function unreadable(answer: Answer, what: string, options: Pick<FailOptions, 'retryable'> = {}): GatewayError {
  return fail('UPSTREAM_ERROR', `RunningHub answered ${answer.call} with something else than ${what}.`, options);
}

function told({ call, status, code, row }: Answer): string {
  if (code === undefined || code === '0') return `${call} with HTTP ${status}`;
  return `${call} with code ${code.slice(0, limits.told)}${row.name === '' ? '' : ` (${row.name})`}`;
}

function quoted({ said, row }: Answer): string {
  const words = said.replace(/\s+/g, ' ').trim();
  return words === '' || words === row.name ? '' : ` It said "${words.slice(0, limits.told)}".`;
}

/** Which entry of nodeInfoList does not fit, where RunningHub says so, and what else it found in the graph. */
function faultsOf(answer: Answer): Fault[] {
  const found = /NODE_INFO_MISMATCH\(nodeId=([^,()]{1,200}), fieldName=([^,()]{1,200}), reason=(\w{1,100})\)/.exec(answer.said);
  const [, node, input, type] = found ?? [];
  const mismatch = node !== undefined && input !== undefined && type !== undefined ? [{ node_id: node, input, type, reason: mismatches.get(type) ?? `RunningHub says ${type}.` }] : [];
  return [...mismatch, ...(isRecord(answer.data) ? tipFaults(answer.data['promptTips']) : [])];
}

const mismatches: ReadonlyMap<string, string> = new Map([
  ['node_not_found_in_workflow', 'The workflow has no node with this id.'],
  ['field_not_found_in_node_inputs', 'The node has no input of this name.'],
  ['value_not_in_list', 'The value is none of those that the input takes.'],
]);
