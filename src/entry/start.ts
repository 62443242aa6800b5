import { resolve } from 'node:path';
import packageJson from '../../package.json' with { type: 'json' };
import { type Config, ConfigError, likelyMistakes, loadConfig, loadEnvFile, settings } from '../core/config.ts';
import { failedWith } from '../core/errors.ts';
import { createLogging, type Logging } from '../core/logger.ts';
import { createShutdown } from '../core/shutdown.ts';
import type { Role } from '../models/process.ts';
import { type Gateway, startGateway } from './gateway.ts';

/** What may stand behind `npm start`; `consumer` is another word for a worker. */
const words: Readonly<Record<string, Role>> = { all: 'all', api: 'api', worker: 'worker', consumer: 'worker' };

/** Starts the gateway, or a part of it, or looks whether it could, or prints the help. Sets the exit code; never throws what a user could have caused. */
export async function main(args: readonly string[]): Promise<void> {
  if (args.includes('--help') || args.includes('-h')) return write(help());
  const [word = 'all', ...others] = args;
  const role = Object.hasOwn(words, word) ? words[word] : undefined;
  if (others.length > 0 || (role === undefined && word !== 'doctor')) return refuse([`"${args.join(' ')}" is not understood. npm start takes one of: api, worker (or consumer); without a word it does both. Settings are environment variables, see --help.`]);
  let logging: Logging | undefined;
  try {
    loadEnvFile();
    const config = loadConfig();
    if (role === undefined) return await doctor(config);
    logging = createLogging(config);
    await run(config, logging, role);
  } catch (error) {
    const verb = role === undefined ? 'would not start' : 'does not start';
    if (error instanceof ConfigError) return refuse(error.lines, verb);
    if (failedWith(error)) return refuse([error.message], verb);
    throw error;
  }
}

async function run(config: Config, logging: Logging, role: Role): Promise<void> {
  const version = config.APP_VERSION ?? packageJson.version;
  const log = logging.logger('main');
  const shutdown = createShutdown({ graceMs: config.SHUTDOWN_GRACE_SECONDS * 1_000, log });
  shutdown.add('logs', () => logging.close());
  for (const mistake of likelyMistakes()) log.warn(mistake);
  const gateway = await startGateway({ config, logging, version, role, shutdown });
  write(banner({ config, gateway, role, version }));
  log.info('started', { ...(gateway.url === undefined ? {} : { url: gateway.url }), role, version, instances: gateway.instances });
}

async function doctor(config: Config): Promise<void> {
  const { examine } = await import('./doctor.ts');
  const { text, healthy } = await examine(config);
  write(text);
  process.exitCode = healthy ? 0 : 1;
}

function banner({ config, gateway, role, version }: { config: Config; gateway: Gateway; role: Role; version: string }): string {
  const { url, instances, hubs, templates, pipelines } = gateway;
  const sandboxed = config.comfyuiUrls.includes('sandbox');
  return [
    url === undefined ? `${config.APP_NAME} ${version}, a worker without doors` : `${config.APP_NAME} ${version} at ${url}`,
    ...(url === undefined ? [] : [`  docs     ${url}/docs`]),
    `  engine   ComfyUI: ${instances.join(', ')}${sandboxed ? ' (a stand-in without a GPU; set COMFYUI_URLS for real servers)' : ''}`,
    ...[...Map.groupBy(hubs, ({ host }) => host)].map(([host, all]) => `  engine   RunningHub: ${all.map(({ name }) => name).join(', ')} at ${host}`),
    `  tasks    ${templates} templates, ${pipelines} pipelines from ${resolve(config.CONFIG_DIR)}${tasksOf(role, config)}`,
    `  files    uploads in ${resolve(config.INPUT_DIR)}, outputs in ${config.MIRROR_OUTPUTS ? resolve(config.OUTPUT_DIR) : 'ComfyUI only'}`,
    ...(url === undefined ? [] : [`  callers  ${config.authenticated ? `API keys: ${config.API_KEYS.map((key) => key.name).join(', ')}` : 'no keys: whoever reaches this address may do everything'}`]),
    '',
  ].join('\n');
}

/** What a part of the gateway leaves to the other part. */
function tasksOf(role: Role, config: Config): string {
  const database = resolve(config.DATA_DIR);
  if (role === 'api') return `;\n           they are worked on by processes of "npm start worker" on ${database}; their events come within 250 ms, their previews do not`;
  return role === 'worker' ? `;\n           they are taken from ${database}, up to ${config.WORKER_CONCURRENCY} at once; previews are not passed on to "npm start api"` : '';
}

function help(): string {
  const width = Math.max(...Object.keys(settings).map((name) => name.length));
  const lines = Object.entries(settings).map(([name, { about }]) => `  ${name.padEnd(width)}  ${about}`);
  const uses = [
    '  npm start            doors and work in one process',
    '  npm start api        doors alone; tasks wait for a worker',
    '  npm start worker     work alone (consumer is another word for it), on the same machine and DATA_DIR',
    '  npm run doctor       checks configuration, templates and engines, and says what to do; exit code 1 on trouble',
  ];
  return ['comfyui-gateway: one service in front of every image engine a team runs.', '', ...uses, '', 'Settings are environment variables, or lines in .env:', ...lines, ''].join('\n');
}

function write(text: string): void {
  process.stdout.write(text);
}

/** `verb` of the doctor is another: a gateway may be running at that moment. */
function refuse(lines: readonly string[], verb = 'does not start'): void {
  process.stderr.write(`comfyui-gateway ${verb}:\n${lines.map((line) => `  ${line}`).join('\n')}\n`);
  process.exit(1);
}
