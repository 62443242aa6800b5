/** Numbers that make every later GET /history of a ComfyUI server unreadable: NaN and infinity, which JSON has not (ws 32). Pure. */
import { limits } from '../../constants/limits.ts';
import type { NodeDeclarations } from '../../models/node-declaration.ts';
import type { Fault } from '../../models/problem.ts';
import { inputsOf } from './read.ts';
import { unwrapped } from './texts.ts';
import { told } from './told.ts';

const REASON = 'The value is not a finite number; it would make the history of the ComfyUI server unreadable.';

/** Whether `checkFinite` has anything to look at; spares asking an instance for its declarations. */
export function mayBeNotFinite(workflow: Readonly<Record<string, unknown>>): boolean {
  for (const { value } of inputsOf(workflow)) if (notFinite(unwrapped(value))) return true;
  return false;
}

/** Refuses NaN and infinity where the instance declares FLOAT; in a STRING they are words. Up to `limits.faults`. */
export function checkFinite(workflow: Readonly<Record<string, unknown>>, declarations: NodeDeclarations): Fault[] {
  const faults: Fault[] = [];
  for (const { nodeId, classType, input, value } of inputsOf(workflow)) {
    if (faults.length === limits.faults) return faults;
    const type = declarations.get(classType)?.inputs.get(input)?.type;
    if (type === 'FLOAT' && notFinite(unwrapped(value))) faults.push({ node_id: told(nodeId), class_type: told(classType), input: told(input), type: 'not_finite', reason: REASON });
  }
  return faults;
}

/** What Python's float() reads as NaN or infinity. */
function notFinite(value: unknown): boolean {
  if (typeof value === 'number') return !Number.isFinite(value);
  if (JSON.isRawJSON(value)) return overflows(value.rawJSON);
  return typeof value === 'string' && NUMBER_LIKE.test(value) && overflows(ascii(value));
}

/** White space to Python: four controls and NEL are none to JavaScript. */
const SPACE = '\\s\\u001c-\\u001f\\u0085';
const NUMBER_LIKE = new RegExp(`^[${SPACE}]*[+-]?(?:[\\p{Nd}._]|nan|inf)`, 'iu');
const NAMED = /^[+-]?(?:nan|inf|infinity)$/i;
const DECIMAL = /^[+-]?[\d_]*(?:\.[\d_]*)?(?:e[+-]?[\d_]+)?$/i;

function overflows(text: string): boolean {
  return NAMED.test(text) || (DECIMAL.test(text) && /\d/.test(text) && !Number.isFinite(Number(text.replaceAll('_', ''))));
}

/** Without white space, and the digits of other scripts, which Python reads too, as nines. */
function ascii(text: string): string {
  return text.replace(new RegExp(`[${SPACE}]`, 'g'), ' ').trim().replace(/\p{Nd}/gu, (digit) => (digit <= '9' ? digit : '9'));
}

/** A number as long as 1e400 is infinity to Python's JSON reader, in whatever place it stands; an integer of that length is an integer. */
export function* infiniteNumbers(workflow: Readonly<Record<string, unknown>>): Generator<Fault> {
  for (const { nodeId, classType, input, value } of inputsOf(workflow)) {
    if (holdsInfinity(value)) yield { node_id: told(nodeId), class_type: told(classType), input: told(input), type: 'not_finite', reason: REASON };
  }
  for (const [nodeId, node] of Object.entries(workflow)) {
    const beside = Object.entries(node ?? {}).filter(([field]) => field !== 'inputs');
    if (beside.some(([, value]) => holdsInfinity(value))) yield { node_id: told(nodeId), type: 'not_finite', reason: REASON };
  }
}

/** What stands beside the graph is kept in the history, too. */
export function infiniteExtraData(extraData: Readonly<Record<string, unknown>> = {}): Fault[] {
  return Object.entries(extraData).filter(([, value]) => holdsInfinity(value)).slice(0, limits.faults).map(([name]) => ({ input: `extra_data.${told(name)}`, type: 'not_finite', reason: REASON }));
}

function holdsInfinity(value: unknown): boolean {
  if (typeof value !== 'object' || value === null) return false;
  if (JSON.isRawJSON(value)) return /[.e]/i.test(value.rawJSON) && !Number.isFinite(Number(value.rawJSON));
  return (Array.isArray(value) ? value : Object.values(value)).some(holdsInfinity);
}
