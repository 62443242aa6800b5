/** `${NAME}` of a configuration, taken from the environment. Pure. */
import type { ConfigFault } from '../../core/config-fault.ts';
import { isSecret } from '../../core/redaction.ts';

export interface SubstituteOptions {
  readonly environment: (name: string) => string | undefined;
  /** Whether the value at that place stands without quotes: then it may become a number. */
  readonly isPlain: (path: readonly PropertyKey[]) => boolean;
}

export interface Substituted {
  readonly value: unknown;
  readonly faults: readonly ConfigFault[];
}

const VARIABLE = /\$\{([A-Z0-9_]+)(?::-([^}]*))?\}/g;
/** What was meant to be one. */
const NEARLY = /\$\{[A-Z0-9_]+(?![A-Z0-9_}]|:-)[^}]*\}?/;

/** Every text of the tree with its variables replaced. A variable that is not set, or empty, and has no default is a fault. */
export function substitute(value: unknown, options: SubstituteOptions): Substituted {
  const faults: ConfigFault[] = [];
  return { value: walk(value, [], (text, path) => replaced(text, { ...options, path, faults })), faults };
}

function walk(value: unknown, path: readonly PropertyKey[], replace: (text: string, path: readonly PropertyKey[]) => unknown): unknown {
  if (typeof value === 'string') return replace(value, path);
  if (Array.isArray(value)) return value.map((one, n) => walk(one, [...path, n], replace));
  if (typeof value !== 'object' || value === null || JSON.isRawJSON(value)) return value;
  return Object.fromEntries(Object.entries(value).map(([key, one]) => [key, walk(one, [...path, key], replace)]));
}

interface Place extends SubstituteOptions {
  readonly path: readonly PropertyKey[];
  readonly faults: ConfigFault[];
}

function replaced(text: string, { environment, isPlain, path, faults }: Place): unknown {
  const nearly = NEARLY.exec(text)?.[0];
  if (nearly !== undefined) faults.push({ path, text: `${nearly} is not understood; allowed: \${NAME} or \${NAME:-default}` });
  const whole = text.replace(VARIABLE, (source, name: string, fallback: string | undefined) => {
    const set = environment(name);
    const value = set === undefined || set === '' ? fallback : set;
    if (value === undefined) faults.push({ path, text: `${name} is not set; set it (in .env, or in the environment)${isSecret(name) ? '' : `, or give a default: \${${name}:-default}`}` });
    return value ?? source;
  });
  return whole !== text && isPlain(path) ? scalar(whole) : whole;
}

/** What YAML makes of it when it stands without quotes. */
function scalar(text: string): unknown {
  if (/^-?(0|[1-9]\d*)(\.\d+)?$/.test(text)) return /^-?\d+$/.test(text) && !Number.isSafeInteger(Number(text)) ? JSON.rawJSON(text) : Number(text);
  return text === 'true' || text === 'false' ? text === 'true' : text;
}
