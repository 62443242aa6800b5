/** Whether what a configuration names is there: engines, instances, templates with their inputs, steps. Pure. */
import { closestMatch } from 'leven';
import type { z } from 'zod';
import type { ConfigFault } from '../../core/config-fault.ts';
import { type EngineConfigFile, implicitHub } from '../../models/engine-config.ts';
import type { Template } from '../../models/template.ts';
import { formOf } from './form.ts';
import { allowedExpressions, type Expression, piecesOf } from './expressions.ts';
import { type KnownInput, stepInputFaults } from './step-inputs.ts';

type File = z.infer<typeof EngineConfigFile>;
type Step = File['pipelines'][string]['steps'][string];
type Path = readonly PropertyKey[];

/** What there is besides the file. */
export interface Known {
  /** Templates by name with their inputs; undefined for one of which only the name is known. */
  readonly templates: ReadonlyMap<string, ReadonlyMap<string, KnownInput> | undefined>;
  /** Names (host:port) of the ComfyUI servers in use. */
  readonly instances: readonly string[];
  /** Rules of the inputs of an engine that runs something of its own. */
  readonly rules?: (form: Template) => ReadonlyMap<string, KnownInput>;
}

/** Words that a `task_type` says of tasks that are no pipeline. */
const reserved: readonly string[] = ['TEMPLATE', 'WORKFLOW', 'FACE_SWAP'];

/** Names that hinder each other, and instances that are not there. */
export function nameFaults({ engines, pipelines }: File, { instances }: Known): ConfigFault[] {
  const places = Object.entries(engines).flatMap(([engine, entry]) =>
    (entry.type === 'comfyui' ? (entry.config.instances ?? []) : []).flatMap((one, n) => (instances.includes(one) ? [] : [{ path: ['engines', engine, 'config', 'instances', n], text: missing(`"${one}" is none of COMFYUI_URLS`, one, instances) }])));
  const taken = new Map<string, string>();
  const twice = Object.keys(pipelines).flatMap((name) => {
    const upper = name.toUpperCase();
    const other = taken.get(upper);
    taken.set(upper, other ?? name);
    if (reserved.includes(upper)) return [{ path: ['pipelines', name], text: `${upper} is what other tasks are called; allowed: any name but ${reserved.join(', ')}` }];
    return other === undefined ? [] : [{ path: ['pipelines', name], text: `its name is that of "${other}", as callers write both in upper case` }];
  });
  return [...places, ...twice];
}

export interface PipelinePlace extends Known {
  /** With the usual engine. */
  readonly file: File;
  /** What stands in the file, where `file` has values of the environment. */
  readonly written: (path: Path) => unknown;
}

/** What keeps a pipeline from running. */
export function pipelineFaults(name: string, place: PipelinePlace): ConfigFault[] {
  const { file } = place;
  const steps = Object.entries(file.pipelines[name]?.steps ?? {});
  return steps.flatMap(([step, entry], n) => {
    const path = ['pipelines', name, 'steps', step];
    const earlier = steps.slice(0, n).map(([one]) => one);
    return [...engineFaults(path, entry, file), ...templateFaults(path, entry, place), ...expressionFaults([...path, 'inputs'], entry.inputs, earlier), ...inputFaults([...path, 'inputs'], entry, place)];
  });
}

function engineFaults(path: Path, { engine }: Step, { engines }: File): ConfigFault[] {
  if (engine === implicitHub && !Object.hasOwn(engines, engine)) return [{ path: [...path, 'engine'], text: `"${engine}" is the engine of RUNNINGHUB_API_KEY, which runs what callers of /v1/generate and /submit_task name, and no pipelines: add one with a workflow_id or webapp_id of its own` }];
  return Object.hasOwn(engines, engine) ? [] : [{ path: [...path, 'engine'], text: missing(`"${engine}" is not a registered engine`, engine, Object.keys(engines)) }];
}

function templateFaults(path: Path, { engine, template }: Step, { file, templates }: PipelinePlace): ConfigFault[] {
  const names = [...templates.keys()];
  const entry = Object.hasOwn(file.engines, engine) ? file.engines[engine] : undefined;
  if (template !== undefined && entry?.type === 'runninghub') return [{ path: [...path, 'template'], text: `engine "${engine}" runs what lies at RunningHub and takes no template; leave it out` }];
  if (template !== undefined) return templates.has(template) ? [] : [{ path: [...path, 'template'], text: missing(`there is no template "${template}"`, template, names) }];
  return entry?.type === 'comfyui' ? [{ path, text: `has no template, which an engine of type comfyui needs; allowed: ${listed(names)}` }] : [];
}

/** Of a step without \`inputs\` nothing can be said: it gets what the caller gives. */
function inputFaults(path: Path, { engine, template, inputs: given }: Step, { templates, written, file, rules }: PipelinePlace): ConfigFault[] {
  const entry = Object.hasOwn(file.engines, engine) ? file.engines[engine] : undefined;
  const form = entry && formOf(engine, entry);
  const takes = form ? rules?.(form) : templates.get(template ?? '');
  if (takes === undefined || given === undefined) return [];
  return stepInputFaults({ path, given, taker: form ? `engine "${engine}"` : `template "${template ?? ''}"`, takes, written });
}

function expressionFaults(path: Path, value: unknown, earlier: readonly string[]): ConfigFault[] {
  if (typeof value === 'string') return piecesOf(value).flatMap((piece) => (typeof piece === 'string' ? [] : expressionFault(path, piece, earlier)));
  if (Array.isArray(value)) return value.flatMap((one, n) => expressionFaults([...path, n], one, earlier));
  if (typeof value !== 'object' || value === null || JSON.isRawJSON(value)) return [];
  return Object.entries(value).flatMap(([key, one]) => expressionFaults([...path, key], one, earlier));
}

function expressionFault(path: Path, expression: Expression, earlier: readonly string[]): ConfigFault[] {
  if (expression.kind === 'malformed') return [{ path, text: `${expression.source} is no expression; allowed: ${allowedExpressions}` }];
  if (expression.kind === 'input' || earlier.includes(expression.step)) return [];
  return [{ path, text: `${expression.source}: "${expression.step}" is not a step before this one; allowed: ${listed(earlier)}` }];
}

/** Names that a message lists. */
const LISTED = 30;
const listed = (names: readonly string[]): string => (names.length === 0 ? 'none' : `${names.slice(0, LISTED).join(', ')}${names.length > LISTED ? ', …' : ''}`);

function missing(what: string, word: string, names: readonly string[]): string {
  const nearest = names.length > LISTED ? closestMatch(word, names, { maxDistance: Math.max(3, Math.floor(word.length / 2)) }) : undefined;
  return `${what}; ${nearest === undefined ? '' : `nearest: ${nearest}; `}allowed: ${listed(names)}`;
}
