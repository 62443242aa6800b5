/** What a caller gives for a template, against what the template takes. Pure; randomness is handed in. */
import { limits } from '../../constants/limits.ts';
import type { Fault } from '../../models/problem.ts';
import type { Template, TemplateInput } from '../../models/template.ts';
import { drawn, rangeOf, toJson } from './integers.ts';
import { readValue, type Reading } from './values.ts';
import { near, told } from './words.ts';

export interface CheckedInputs {
  /** Every input that has a value, in the order of the template; defaults filled in, random numbers drawn. */
  readonly values: Record<string, unknown>;
  /** Up to `limits.faults`. Where there is one, `values` lacks something. */
  readonly faults: Fault[];
}

/** Checks `given`; `random` gives 64 random bits. `null` counts as left out, as typed clients send it. */
export function checkInputs(template: Pick<Template, 'name' | 'inputs'>, given: Readonly<Record<string, unknown>>, random: () => bigint): CheckedInputs {
  const faults: Fault[] = Object.keys(given).filter((name) => !Object.hasOwn(template.inputs, name)).slice(0, limits.faults).map((name) => unknownInput(template, name));
  const values: [string, unknown][] = [];
  for (const [name, input] of Object.entries(template.inputs)) {
    const reading = read(input, Object.hasOwn(given, name) ? given[name] : undefined, random);
    if (reading === undefined) continue;
    if ('value' in reading) values.push([name, reading.value]);
    else faults.push({ input: `inputs.${name}`, ...reading.refusal });
  }
  return { values: Object.fromEntries(values), faults: faults.slice(0, limits.faults) };
}

/** Undefined where it may be left out and is: the graph keeps its own value. */
function read(input: TemplateInput, value: unknown, random: () => bigint): Reading | undefined {
  const absent = value === undefined || value === null;
  if (input.type === 'integer' && input.default === 'random' && (value === 'random' || (absent && input.required !== true))) return { value: toJson(drawn(rangeOf(input), random)) };
  if (!absent) return readValue(input, value);
  if (isRequired(input)) return { refusal: { type: 'required_input_missing', reason: `It is required${input.description === undefined ? '' : `: ${told(input.description)}`}` } };
  return input.default === undefined ? undefined : readValue(input, input.default);
}

/** What can be said of one input before anybody gives it a value. */
export interface InputRule {
  readonly type: TemplateInput['type'];
  readonly required: boolean;
  /** Why it does not take a value; undefined where it does. */
  readonly refuses: (value: unknown) => string | undefined;
}

/** The inputs of a template by name, in its order. */
export function rulesOf({ inputs }: Pick<Template, 'inputs'>): ReadonlyMap<string, InputRule> {
  return new Map(Object.entries(inputs).map(([name, input]): [string, InputRule] => [name, { type: input.type, required: isRequired(input), refuses: (value) => refusalOf(input, value) }]));
}

function refusalOf(input: TemplateInput, value: unknown): string | undefined {
  const reading = read(input, value, () => 0n);
  return reading && 'refusal' in reading ? reading.refusal.reason.replace(/\.$/, '') : undefined;
}

/** An input without a default is required unless its template says otherwise. */
export function isRequired(input: TemplateInput): boolean {
  return input.required ?? input.default === undefined;
}

function unknownInput({ name: template, inputs }: Pick<Template, 'name' | 'inputs'>, name: string): Fault {
  const names = Object.keys(inputs);
  return { input: `inputs.${told(name)}`, type: 'unknown_input', reason: `Template "${template}" has no such input; it has: ${names.join(', ') || 'none'}.`, ...near(name, names) };
}
