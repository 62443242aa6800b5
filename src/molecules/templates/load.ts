/** Reads a folder of templates with their graphs. What is wrong is told, one line per fault, and hinders no other template. */
import { createHash } from 'node:crypto';
import { join } from 'node:path';
import { listNames } from '../../atoms/files/list.ts';
import { findInside } from '../../atoms/files/read.ts';
import { parseJson } from '../../atoms/json/json.ts';
import { readBoundedText } from '../../atoms/text-file/bounded-text.ts';
import { limits } from '../../constants/limits.ts';
import { type ConfigFault, configFaults, fieldPath, shown, valueAt } from '../../core/config-fault.ts';
import { GatewayError } from '../../core/errors.ts';
import { breakOf } from '../../core/json-position.ts';
import { type Template, TemplateFile } from '../../models/template.ts';
import { Workflow } from '../../models/workflow.ts';
import { definitionFaults, graphFaults, targetWarnings } from './definition.ts';

/** One file as it was read. */
export interface ReadTemplate {
  readonly name: string;
  /** Undefined where there are faults. */
  readonly template: Template | undefined;
  /** `config/workflows/NAME.json: inputs.seed.default: …`, up to `limits.faults`. */
  readonly faults: readonly string[];
  /** What is probably not meant and hinders nobody, in the same form. None where there are faults. */
  readonly warnings: readonly string[];
  /** Another where the file, or its graph, is. */
  readonly stamp: string;
}

export interface ReadFolder {
  readonly templates: readonly ReadTemplate[];
  /** Faults of the folder itself. */
  readonly faults: readonly string[];
}

const ENDING = '.json';
/** Names stand in addresses and in the ids of the API document. */
const NAME = /^\w[\w.-]{0,99}$/;

/** Reads every template; a folder that is missing has none. Throws nothing but what is wrong with this program. */
export async function readTemplates(folder: string): Promise<ReadFolder> {
  try {
    const files = await listNames(folder, ENDING);
    const templates: ReadTemplate[] = [];
    for (const file of files.slice(0, limits.templates)) {
      const read = await readTemplate(folder, file);
      if (read) templates.push(read);
    }
    return { templates, faults: files.length > limits.templates ? [`${folder}: it has ${files.length} templates; up to ${limits.templates} are taken`] : [] };
  } catch (error) {
    if (!(error instanceof GatewayError)) throw error;
    return { templates: [], faults: [`${folder}: ${error.detail}`] };
  }
}

/** Undefined for one that has gone in the meantime. */
async function readTemplate(folder: string, file: string): Promise<ReadTemplate | undefined> {
  const path = join(folder, file);
  const own = await readJson(path);
  if (own === undefined) return undefined;
  const name = file.slice(0, -ENDING.length);
  const graph = await readGraph(folder, 'value' in own ? valueAt(own.value, ['graph']) : undefined);
  const { template, faults } = 'fault' in own ? { template: undefined, faults: [own.fault] } : judged(path, { name, raw: own.value, graph });
  const warnings = template === undefined ? [] : targetWarnings(template.inputs, template.workflow).slice(0, limits.faults).map((one) => lineOf(path, one));
  const told = faults.slice(0, limits.faults);
  if (told.length < faults.length) told.push(`${path}: and ${faults.length - told.length} more faults`);
  return { name, template, faults: told, warnings, stamp: createHash('sha256').update(own.text).update('\0').update(graph.text).update(told.join('\n')).digest('hex') };
}

const lineOf = (file: string, { path, text }: ConfigFault): string => [file, fieldPath(path), text].filter(Boolean).join(': ');

interface Parts {
  readonly name: string;
  readonly raw: unknown;
  readonly graph: ReadGraph;
}

function judged(path: string, { name, raw, graph }: Parts): { readonly template: Template | undefined; readonly faults: string[] } {
  const parsed = TemplateFile.safeParse(raw);
  const shape = parsed.success ? [] : configFaults(TemplateFile, parsed.error.issues, { given: raw, noun: 'type of input' });
  const fitting = definitionFaults(raw, graph.workflow);
  const fields = [...shape, ...fitting].map((fault) => lineOf(path, fault));
  const faults = [...(NAME.test(name) ? [] : [`${path}: its name must be letters, digits, "_", "-" and ".", up to 100`]), ...fields, ...graph.faults.map((fault) => `${path}: graph: ${fault}`)];
  if (!parsed.success || graph.workflow === undefined || faults.length > 0) return { template: undefined, faults };
  const { title, description, inputs, outputs } = parsed.data;
  return { template: { name, title, description, workflow: graph.workflow, inputs, outputs }, faults };
}

interface ReadGraph {
  readonly text: string;
  readonly workflow: Workflow | undefined;
  readonly faults: readonly string[];
}

/** The graph that a template names. What is no name is for the schema to refuse. */
async function readGraph(folder: string, name: unknown): Promise<ReadGraph> {
  const refused = (...faults: string[]): ReadGraph => ({ text: '', workflow: undefined, faults });
  if (typeof name !== 'string' || name === '') return refused();
  try {
    const found = await findInside(folder, name);
    const read = found && (await readJson(found.path));
    if (read === undefined) return refused(`there is no file ${shown(name)} in ${folder}`);
    if ('fault' in read) return { ...refused(read.fault), text: read.text };
    const faults = graphFaults(read.value).map((fault) => `${join(folder, name)}: ${fault}`);
    return { text: read.text, workflow: faults.length === 0 ? Workflow.parse(read.value) : undefined, faults };
  } catch (error) {
    if (!(error instanceof GatewayError)) throw error;
    return refused(`${shown(name)} is not taken (${error.detail.replace(/\.$/, '')}); allowed: a file below ${folder}`);
  }
}

type ReadJson = { readonly text: string; readonly value: unknown } | { readonly text: string; readonly fault: string };

/** JSON with every digit, or the line that says where it is none; undefined when there is no such file. */
async function readJson(path: string): Promise<ReadJson | undefined> {
  let text: string | undefined;
  try {
    text = await readBoundedText(path, limits.templateBytes);
    return text === undefined ? undefined : { text, value: parseJson(text) };
  } catch (error) {
    if (error instanceof GatewayError) return { text: text ?? '', fault: `${path}: ${error.detail}` };
    if (!(error instanceof SyntaxError)) throw error;
    const { line, column, found } = breakOf(text ?? '');
    return { text: text ?? '', fault: `${path}: line ${line}, column ${column}: it is not JSON: ${found}` };
  }
}
