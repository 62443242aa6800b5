/** Reads `config/engine_config.yml`: engines by name, and pipelines of steps. */
import type { z } from 'zod';
import { readBoundedText } from '../../atoms/text-file/bounded-text.ts';
import { parseYaml, type YamlFault, type YamlFile } from '../../atoms/yaml/yaml.ts';
import { limits } from '../../constants/limits.ts';
import { type ConfigFault, configFaults, fieldPath, valueAt } from '../../core/config-fault.ts';
import { ConfigError } from '../../core/config.ts';
import { GatewayError } from '../../core/errors.ts';
import { type EngineConfig, EngineConfigFile, type Pipeline, usualEngine } from '../../models/engine-config.ts';
import { formOf } from './form.ts';
import { substitute } from './environment.ts';
import { type Known, nameFaults, pipelineFaults } from './references.ts';

export interface EngineConfigOptions extends Known {
  /** Value of an environment variable. */
  readonly environment: (name: string) => string | undefined;
}

export interface LoadedEngineConfig {
  /** Has the usual engine, whatever the file says. */
  readonly config: EngineConfig;
  /** What hinders nobody: faults of pipelines that are switched off, words that YAML does not know. */
  readonly warnings: readonly string[];
}

/** Reads the file at `path`; without one there is the usual engine and no pipeline. Throws ConfigError with one line per fault, as `parseEngineConfig`. */
export async function loadEngineConfig(path: string, options: EngineConfigOptions): Promise<LoadedEngineConfig> {
  try {
    return parseEngineConfig((await readBoundedText(path, limits.engineConfigBytes)) ?? '', path, options);
  } catch (error) {
    if (error instanceof GatewayError) throw new ConfigError([`${path}: ${error.detail}`]);
    throw error;
  }
}

/** Throws ConfigError with lines such as `config/engine_config.yml:12: engines.foo.type: …`, up to `limits.faults`. */
export function parseEngineConfig(text: string, path: string, options: EngineConfigOptions): LoadedEngineConfig {
  const yaml = parseYaml(text);
  const line = ({ line: at, text: words }: { readonly line: number; readonly text: string }): string => `${path}:${at}: ${words}`;
  const tell = (fault: ConfigFault): string => line({ line: yaml.lineOf(fault.path), text: [fieldPath(fault.path), fault.text].filter(Boolean).join(': ') });
  refuse(syntaxFaults(yaml, text).map(line));
  const { file, faults } = shaped(yaml, options);
  if (file === undefined) throw new ConfigError(faults.slice(0, limits.faults).map(tell));
  const written = (at: ConfigFault['path']): unknown => valueAt(yaml.value, at);
  const whole = { ...file, engines: { [usualEngine]: { type: 'comfyui' as const, config: {} }, ...file.engines } };
  const broken = Object.entries(file.pipelines).map(([name, { enabled }]) => ({ enabled, faults: pipelineFaults(name, { ...options, file: whole, written }) }));
  refuse([...nameFaults(whole, options), ...broken.filter((one) => one.enabled).flatMap((one) => one.faults)].map(tell));
  const asleep = broken.filter((one) => !one.enabled).flatMap((one) => one.faults).map((fault) => `${tell(fault)} (the pipeline is switched off)`);
  return { config: configOf(whole), warnings: [...yaml.warnings.map(line), ...asleep] };
}

/** Lines with faults of YAML that are told: each makes nonsense of what follows. */
const LINES_TOLD = 3;
const QUOTED_OR_COMMENT = /"(?:\\.|[^"\\])*"|'[^']*'|(?<=^|\s)#.*/g;

/** The first fault of each of the first lines, with what was probably meant. */
function syntaxFaults({ faults }: YamlFile, file: string): YamlFault[] {
  const lines = file.split('\n');
  const bare = ({ line }: YamlFault): boolean => (lines[line - 1] ?? '').replace(QUOTED_OR_COMMENT, '').includes('${');
  const firsts = faults.filter(({ line }, n) => faults.findIndex((one) => one.line === line) === n);
  return firsts.slice(0, LINES_TOLD).map((fault) => (bare(fault) ? { ...fault, text: `${fault.text}; put \${…} in quotes` } : fault));
}

function refuse(lines: readonly string[]): void {
  if (lines.length > 0) throw new ConfigError(lines.slice(0, limits.faults));
}

type File = z.infer<typeof EngineConfigFile>;

/** The file with its variables in place. Messages tell what stands in the file, never what the environment says: it may be secret. */
function shaped(yaml: YamlFile, { environment }: EngineConfigOptions): { readonly file: File | undefined; readonly faults: readonly ConfigFault[] } {
  const given = withoutEmpty(yaml.value ?? {});
  const { value, faults } = substitute(given, { environment, isPlain: (path) => yaml.isPlain(path) });
  const parsed = EngineConfigFile.safeParse(value);
  const told = new Set(faults.map((fault) => fieldPath(fault.path)));
  const shape = parsed.success ? [] : configFaults(EngineConfigFile, parsed.error.issues, { given, noun: 'engine type' });
  const all = [...faults, ...shape.filter((fault) => !told.has(fieldPath(fault.path)))];
  return { file: all.length === 0 ? parsed.data : undefined, faults: all };
}

/** Parts of which only the heading is left, the rest being commented out. */
const MAY_BE_EMPTY: readonly string[] = ['engines', 'pipelines', 'config', 'inputs', 'description'];

function withoutEmpty(value: unknown): unknown {
  if (typeof value !== 'object' || value === null || Array.isArray(value) || JSON.isRawJSON(value)) return value;
  const kept = Object.entries(value).filter(([key, one]) => one !== null || !MAY_BE_EMPTY.includes(key));
  return Object.fromEntries(kept.map(([key, one]) => [key, key === 'inputs' ? one : withoutEmpty(one)]));
}

function configOf({ engines, pipelines }: File): EngineConfig {
  const forms = new Map(Object.entries(engines).map(([name, entry]) => [name, formOf(name, entry)]));
  const made = Object.entries(pipelines).map(([name, { enabled, description, steps }]): [string, Pipeline] => [
    name,
    { name, enabled, description, steps: Object.entries(steps).map(([step, { engine, template, description: about, inputs }]) => ({ name: step, engine, template, description: about, inputs, form: forms.get(engine) })) },
  ]);
  return { engines: new Map(Object.entries(engines)), pipelines: new Map(made) };
}
