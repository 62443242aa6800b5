import { resolve } from 'node:path';
import packageJson from '../../package.json' with { type: 'json' };
import { type Config, ConfigError, loadConfig, loadEnvFile, settings } from '../core/config.ts';
import { failedWith } from '../core/errors.ts';
import { createLogging, type Logging } from '../core/logger.ts';
import { createShutdown } from '../core/shutdown.ts';
import { startGateway } from './gateway.ts';

/** Starts the gateway, or prints the help. Sets the exit code; never throws what a user could have caused. */
export async function main(args: readonly string[]): Promise<void> {
  if (args.includes('--help') || args.includes('-h')) return write(help());
  if (args.length > 0) return refuse([`"${args.join(' ')}" is not understood. npm start takes no arguments; settings are environment variables, see --help.`]);
  let logging: Logging | undefined;
  try {
    loadEnvFile();
    const config = loadConfig();
    logging = createLogging(config);
    await run(config, logging);
  } catch (error) {
    if (error instanceof ConfigError) return refuse(error.lines);
    if (failedWith(error)) return refuse([error.message]);
    throw error;
  }
}

async function run(config: Config, logging: Logging): Promise<void> {
  const version = config.APP_VERSION ?? packageJson.version;
  const log = logging.logger('main');
  const shutdown = createShutdown({ graceMs: config.SHUTDOWN_GRACE_SECONDS * 1_000, log });
  shutdown.add('logs', () => logging.close());
  const { url, instances } = await startGateway({ config, logging, version, shutdown });
  write(banner({ config, url, instances, version }));
  log.info('started', { url, version, instances });
}

function banner({ config, url, instances, version }: { config: Config; url: string; instances: readonly string[]; version: string }): string {
  const sandboxed = config.comfyuiUrls.includes('sandbox');
  return [
    `${config.APP_NAME} ${version} at ${url}`,
    `  docs     ${url}/docs`,
    `  engine   ComfyUI: ${instances.join(', ')}${sandboxed ? ' (a stand-in without a GPU; set COMFYUI_URLS for real servers)' : ''}`,
    `  files    uploads in ${resolve(config.INPUT_DIR)}, outputs in ${config.MIRROR_OUTPUTS ? resolve(config.OUTPUT_DIR) : 'ComfyUI only'}`,
    `  callers  ${config.authenticated ? `API keys: ${config.API_KEYS.map((key) => key.name).join(', ')}` : 'no keys: whoever reaches this address may do everything'}`,
    '',
  ].join('\n');
}

function help(): string {
  const width = Math.max(...Object.keys(settings).map((name) => name.length));
  const lines = Object.entries(settings).map(([name, { about }]) => `  ${name.padEnd(width)}  ${about}`);
  return ['comfyui-gateway: one service in front of every image engine a team runs.', '', 'npm start', '', 'Settings are environment variables, or lines in .env:', ...lines, ''].join('\n');
}

function write(text: string): void {
  process.stdout.write(text);
}

function refuse(lines: readonly string[]): void {
  process.stderr.write(`comfyui-gateway does not start:\n${lines.map((line) => `  ${line}`).join('\n')}\n`);
  process.exit(1);
}
