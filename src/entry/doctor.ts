/** `npm run doctor`: looks at everything that a gateway needs, says of each thing how it is and, where it is not well, what to do. */
import { fail, reasonOf } from '../core/errors.ts';
import type { Config } from '../core/config.ts';
import { createLogging } from '../core/logger.ts';
import type { TemplateView } from '../models/catalog.ts';
import type { Fault } from '../models/problem.ts';
import { assemble, checkFolders, findInstances, openMemory, readWritten, tokens } from './container.ts';

/** One thing that was looked at. */
interface Finding {
  readonly well: boolean;
  readonly what: string;
  /** What to do. */
  readonly advice?: string;
}

/** Milliseconds for everything. */
const PATIENCE = 60_000;
/** Faults of one template that are told. */
const TOLD = 5;
const me = { key: 'doctor', admin: true };

/** Throws ConfigError for what would stop a start, too. */
export async function examine(config: Config): Promise<{ readonly text: string; readonly healthy: boolean }> {
  const logging = createLogging({ ...config, LOG_LEVEL: 'error' });
  const signal = AbortSignal.timeout(PATIENCE);
  await checkFolders(config);
  const written = await readWritten(config, logging);
  const records = await openMemory(signal);
  const container = assemble({ config, logging, records, written });
  try {
    const findings = [...settings(config), ...(await instances(container, signal))];
    const { catalog } = container.resolve(tokens.tasks);
    for (const template of catalog.templates()) findings.push(...(await templates(container, template, signal)));
    for (const pipeline of (await catalog.engines(signal)).pipelines) findings.push({ well: true, what: `pipeline ${pipeline.task_type}: ${pipeline.enabled ? pipeline.steps.map((step) => `${step.name} on ${step.engine}`).join(', then ') : 'switched off'}` });
    return { text: shown(findings), healthy: findings.every(({ well }) => well) };
  } finally {
    await container.resolve(tokens.sandbox).release(AbortSignal.timeout(2_000));
    container.resolve(tokens.http).close();
    container.resolve(tokens.stream).close();
    container.resolve(tokens.tasks).close();
    await records.destroy();
    await logging.close();
  }
}

type Container = ReturnType<typeof assemble>;

function settings(config: Config): Finding[] {
  const keys = config.authenticated ? `API keys: ${config.API_KEYS.map(({ name }) => name).join(', ')}` : 'no keys';
  return [
    { well: true, what: `settings: ${keys}; folders can be written` },
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

/** Whether some instance could run it, with the values that it has by itself. */
async function templates(container: Container, template: TemplateView, signal: AbortSignal): Promise<Finding[]> {
  const what = `template ${template.name}`;
  try {
    const graph = container.resolve(tokens.tasks).catalog.example(template.name);
    const answer = await container.resolve(tokens.workflows).diagnose(me, graph, signal);
    if (answer.valid) return [{ well: true, what: `${what}: can run on ${answer.instances.filter(({ valid }) => valid).map(({ instance }) => instance).join(', ')}` }];
    if (answer.instances.every(({ checked }) => !checked)) return [{ well: false, what: `${what}: could not be checked, since no instance answers` }];
    const faults = [...answer.errors, ...(answer.instances.find(({ checked }) => checked)?.errors ?? [])];
    return [{ well: false, what: `${what}: cannot run on any instance`, advice: faults.slice(0, TOLD).map(sentenceOf).join('\n     ') }];
  } catch (error) {
    return [{ well: false, what: `${what}: ${reasonOf(error)}` }];
  }
}

function sentenceOf({ node_id: node, class_type: type, reason, nearest }: Fault): string {
  const where = node === undefined ? '' : `node ${node}${type === undefined ? '' : ` (${type})`}: `;
  return `${where}${reason}${nearest === undefined ? '' : ` Did you mean "${nearest}"?`}`;
}

function shown(findings: readonly Finding[]): string {
  if (findings.length === 0) throw fail('INTERNAL_ERROR', 'nothing was looked at.');
  const lines = findings.flatMap(({ well, what, advice }) => [`${well ? 'ok ' : '!! '} ${what}`, ...(advice === undefined ? [] : [`     ${advice}`])]);
  const ill = findings.filter(({ well }) => !well).length;
  return `${lines.join('\n')}\n\n${ill === 0 ? 'All is well.' : `${ill} of ${findings.length} things need you.`}\n`;
}
