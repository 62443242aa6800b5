/** `npm run doctor`: looks at everything that a gateway needs, says of each thing how it is and, where it is not well, what to do. */
import { fail, reasonOf } from '../core/errors.ts';
import { type Config, ConfigError, likelyMistakes } from '../core/config.ts';
import { createLogging } from '../core/logger.ts';
import type { EngineFinding } from '../models/engine.ts';
import type { DiagnosisAnswer } from '../models/diagnosis.ts';
import type { Fault } from '../models/problem.ts';
import type { Template } from '../models/template.ts';
import { assemble, checkFolders, findInstances, openMemory, readSound, tokens } from './container.ts';

/** One thing that was looked at. */
type Finding = EngineFinding;

/** Milliseconds for everything. */
const PATIENCE = 60_000;
/** Faults of one template that are told. */
const TOLD = 5;
const me = { key: 'doctor', admin: true };

/** What would stop a start is told first, and what can be looked at in spite of it after that. */
export async function examine(config: Config): Promise<{ readonly text: string; readonly healthy: boolean }> {
  const logging = createLogging({ ...config, LOG_LEVEL: 'error' });
  const signal = AbortSignal.timeout(PATIENCE);
  const folders = await linesOf(() => checkFolders(config));
  const { written, faults } = await readSound(config, logging);
  const records = await openMemory(signal);
  const container = assemble({ config, logging, records, written });
  const tasks = await linesOf(() => container.resolve(tokens.tasks));
  const stops = [...folders, ...tasks, ...faults];
  try {
    const findings = [...settings(config, folders.length + tasks.length === 0), ...(await instances(container, signal))];
    if (tasks.length === 0) findings.push(...(await tasksOf(container, written.templates.all(), signal)));
    return { text: `${headOf(stops)}${shown(findings, stops.length === 0)}`, healthy: stops.length === 0 && findings.every(({ well }) => well) };
  } finally {
    await container.resolve(tokens.sandbox).release(AbortSignal.timeout(2_000));
    container.resolve(tokens.http).close();
    container.resolve(tokens.stream).close();
    if (tasks.length === 0) container.resolve(tokens.tasks).close();
    await records.destroy();
    await logging.close();
  }
}

/** What keeps it from being done. */
async function linesOf(deed: () => unknown): Promise<readonly string[]> {
  try {
    await deed();
    return [];
  } catch (error) {
    if (error instanceof ConfigError) return error.lines;
    throw error;
  }
}

function headOf(stops: readonly string[]): string {
  return stops.length === 0 ? '' : `comfyui-gateway would not start:\n${stops.map((line) => `  ${line}`).join('\n')}\n\n`;
}

type Container = ReturnType<typeof assemble>;

function settings(config: Config, sound: boolean): Finding[] {
  if (!sound) return [{ well: false, what: 'settings: see above' }];
  const keys = config.authenticated ? `API keys: ${config.API_KEYS.map(({ name }) => name).join(', ')}` : 'no keys';
  return [
    { well: true, what: `settings: ${keys}; folders can be written` },
    ...likelyMistakes().map((mistake) => ({ well: false, what: `settings: ${mistake}`, advice: 'Correct its name, or take it out.' })),
    config.WEBHOOK_SECRET === undefined ? { well: true, what: 'webhooks: not signed (WEBHOOK_SECRET is not set)' } : { well: true, what: 'webhooks: signed' },
  ];
}

async function instances(container: Container, signal: AbortSignal): Promise<Finding[]> {
  const found = await findInstances(container, signal).then(() => undefined, (error: unknown) => reasonOf(error));
  if (found !== undefined) return [{ well: false, what: 'ComfyUI: the sandbox does not start', advice: found }];
  const looks = await container.resolve(tokens.instances).look(signal);
  return looks.map(({ instance, answers, version, sandbox, reason }) =>
    answers
      ? { well: true, what: `ComfyUI ${instance}: answers, version ${version ?? 'unknown'}${sandbox ? ' (the sandbox, a stand-in without a GPU)' : ''}` }
      : { well: false, what: `ComfyUI ${instance}: ${reason}`, advice: 'Is ComfyUI running there, started with --listen if it is on another machine, and does COMFYUI_URLS name the right host and port?' });
}

async function tasksOf(container: Container, templates: readonly Template[], signal: AbortSignal): Promise<Finding[]> {
  const findings: Finding[] = [];
  for (const template of templates) findings.push(await templateFinding(container, template, signal));
  for (const engine of container.resolve(tokens.tasks).engines.values()) findings.push(...((await engine.examine?.(signal)) ?? []));
  const { pipelines } = await container.resolve(tokens.tasks).catalog.engines(signal);
  const steps = pipelines.map(({ task_type: type, enabled, steps: all }) => `pipeline ${type}: ${enabled ? all.map((step) => `${step.name} on ${step.engine}`).join(', then ') : 'switched off'}`);
  return [...findings, ...steps.map((what) => ({ well: true, what }))];
}

/** Whether some instance could run it, with the values that it has by itself, and whether all that callers give arrives. */
async function templateFinding(container: Container, template: Template, signal: AbortSignal): Promise<Finding> {
  const what = `template ${template.name}`;
  try {
    const { catalog } = container.resolve(tokens.tasks);
    const answer = await container.resolve(tokens.workflows).diagnose(me, catalog.example(template.name), signal);
    const checked = answer.instances.filter((one) => one.checked);
    if (checked.length === 0) return { well: false, what: `${what}: could not be checked, since no instance answers` };
    const lost = lostValues(template, await container.resolve(tokens.workflows).diagnose(me, catalog.complete(template.name), signal));
    const places = answer.instances.filter(({ valid }) => valid).map(({ instance }) => instance).join(', ');
    if (answer.valid && lost.length === 0) return { well: true, what: `${what}: can run on ${places}` };
    if (answer.valid) return { well: false, what: `${what}: can run on ${places}, but not with all that callers give`, advice: told(lost) };
    return { well: false, what: `${what}: cannot run on any instance`, advice: told([...[...answer.errors, ...(checked[0]?.errors ?? [])].map(sentenceOf), ...lost]) };
  } catch (error) {
    return { well: false, what: `${what}: ${reasonOf(error)}` };
  }
}

const told = (lines: readonly string[]): string => lines.slice(0, TOLD).join('\n     ');

/** Targets that a node does not have, each with the instances that say so where others do not. */
function lostValues({ inputs }: Template, { instances: all }: DiagnosisAnswer): string[] {
  const checked = all.filter((one) => one.checked);
  const places = Object.entries(inputs).flatMap(([name, { targets }]) => targets.map((target, n) => ({ ...target, path: `inputs.${name}.targets[${n}].input` })));
  return places.flatMap(({ path, node, input }) => {
    const found = checked.flatMap(({ instance, warnings }) => warnings.filter((one) => one.type === 'unknown_input' && one.node_id === node && one.input === input).map((fault) => ({ instance, fault })));
    const [first] = found;
    if (first === undefined) return [];
    const where = found.length < checked.length ? ` (on ${found.map(({ instance }) => instance).join(', ')})` : '';
    return [`${path}: ${sentenceOf({ ...first.fault, node_id: undefined }).replace(/^Node "(.*?)" \(/, 'node $1 (')}${where}`];
  });
}

function sentenceOf({ node_id: node, class_type: type, reason, nearest }: Fault): string {
  const where = node === undefined ? '' : `node ${node}${type === undefined ? '' : ` (${type})`}: `;
  return `${where}${reason}${nearest === undefined ? '' : ` Did you mean "${nearest}"?`}`;
}

function shown(findings: readonly Finding[], starts: boolean): string {
  if (findings.length === 0) throw fail('INTERNAL_ERROR', 'nothing was looked at.');
  const lines = findings.flatMap(({ well, what, advice }) => [`${well ? 'ok ' : '!! '} ${what}`, ...(advice === undefined ? [] : [`     ${advice}`])]);
  const ill = findings.filter(({ well }) => !well).length;
  const ending = [...(starts ? [] : ['It would not start: see above.']), ...(ill === 0 ? [] : [`${ill} of ${findings.length} things need you.`])];
  return `${lines.join('\n')}\n\n${ending.join(' ') || 'All is well.'}\n`;
}
