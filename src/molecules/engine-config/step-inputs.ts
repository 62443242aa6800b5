/** Whether what a step gives is what its template takes, as far as that can be known before a run. Pure. */
import { closestMatch } from 'leven';
import { type ConfigFault, shown } from '../../core/config-fault.ts';
import { knownBefore } from './expressions.ts';

type Path = readonly PropertyKey[];
type Inputs = Readonly<Record<string, unknown>>;

/** One input of a template. */
export interface KnownInput {
  readonly type: string;
  /** It must be given. */
  readonly required: boolean;
  /** Why it does not take a value; undefined where it does. */
  readonly refuses: (value: unknown) => string | undefined;
}

export interface StepInputs {
  /** Where the inputs stand. */
  readonly path: Path;
  readonly given: Inputs;
  /** Who takes them: `template "paint"`. */
  readonly taker: string;
  /** What it takes, by name. */
  readonly takes: ReadonlyMap<string, KnownInput>;
  /** What stands in the file there: a value of the environment may be secret. */
  readonly written: (path: Path) => unknown;
}

/** `null` counts as left out, as it does in a run. */
export function stepInputFaults(step: StepInputs): ConfigFault[] {
  const { path, given, taker, takes } = step;
  const missing = [...takes].filter(([name, { required }]) => required && (!Object.hasOwn(given, name) || given[name] === null));
  return [
    ...Object.entries(given).flatMap(([name, value]) => {
      const known = takes.get(name);
      return known === undefined ? [unknownInput([...path, name], name, step)] : valueFaults({ ...step, path: [...path, name] }, value, known);
    }),
    ...missing.map(([name, { type }]) => ({ path, text: `has no "${name}", which ${taker} needs: ${type}` })),
  ];
}

function unknownInput(path: Path, name: string, { taker, takes }: StepInputs): ConfigFault {
  const names = [...takes.keys()];
  const nearest = closestMatch(name.slice(0, 100), names, { maxDistance: Math.max(3, Math.floor(name.length / 2)) });
  return { path, text: `${taker} has no such input; ${nearest === undefined ? '' : `nearest: ${nearest}; `}allowed: ${names.join(', ') || 'none'}` };
}

function valueFaults({ path, written }: StepInputs, value: unknown, { type, refuses }: KnownInput): ConfigFault[] {
  const known = value === null ? undefined : knownBefore(value);
  const reason = known && refuses(known.value);
  if (reason === undefined) return [];
  const source = written(path);
  if (JSON.stringify(source) !== JSON.stringify(value)) return [{ path, text: `${shown(source)} with what the environment says is not taken by an input of type ${type}` }];
  return [{ path, text: typeof value === 'string' && value !== known?.value ? `${value}: ${reason}` : reason }];
}
