/**
 * Logs: one line per event on stdout (coloured and short on a terminal, JSON otherwise), and JSON lines in files:
 * `{LOG_DIR}/{service}/{YYYYMMDDHH}.log` per component and hour, and `{LOG_DIR}/app.log` with everything, a link to
 * the newest of a bounded set of files. Secrets are taken out of every line; a line below the level costs one comparison.
 */
import { join } from 'node:path';
import winston from 'winston';
import DailyRotateFile from 'winston-daily-rotate-file';
import { logServices, type LogService } from '../constants/logs.ts';
import type { Config } from './config.ts';
import { reasonOf } from './errors.ts';
import { terminalLine } from './log-line.ts';
import { createRedaction } from './redaction.ts';
import { currentRequestId } from './request-id.ts';

export { currentRequestId, withRequestId } from './request-id.ts';

export type LogFields = Readonly<Record<string, unknown>>;
const levels = { error: 0, warn: 1, info: 2, http: 3, debug: 4 } as const;
export type LogLevel = keyof typeof levels;

/** Writes lines of one component. Pass what was thrown as the field `error`: it is told with code, stack and causes. */
export type Logger = Readonly<Record<LogLevel, (message: string, fields?: LogFields) => void>>;

export interface Logging {
  logger(service: LogService): Logger;
  /** Writes out what is pending and leaves the files. Later lines still reach stdout. */
  close(): Promise<void>;
}

export interface LoggingOptions extends Pick<Config, 'LOG_LEVEL' | 'LOG_DIR' | 'LOG_RETENTION_DAYS' | 'API_KEYS' | 'comfyuiUrls'> {
  /** Where console lines go instead of stdout. */
  readonly output?: NodeJS.WritableStream & { readonly isTTY?: boolean };
  /** Bytes after which app.log moves on to a new file. */
  readonly appLogBytes?: number;
}

const appLog = { bytes: 20 * 1024 * 1024, files: 10 } as const;

/** Opens the log files. A folder that cannot be written gives one warning; the lines then go to the console alone. */
export function createLogging(options: LoggingOptions): Logging {
  const output = options.output ?? process.stdout;
  const redaction = createRedaction([...options.API_KEYS.map(({ key }) => key), ...passwordsOf(options.comfyuiUrls)]);
  const sink = winston.createLogger({ level: options.LOG_LEVEL, levels, format: winston.format.printf((record) => JSON.stringify(record)), transports: [consoleTransport(output)] });
  const threshold = Object.entries(levels).find(([level]) => level === options.LOG_LEVEL)?.[1] ?? levels.info;
  const logger = (service: LogService): Logger => {
    const write = (level: LogLevel) => (message: string, fields: LogFields = {}) => {
      if (levels[level] > threshold) return;
      const requestId = currentRequestId();
      const line = { timestamp: new Date().toISOString(), level, service, message: redaction.text(message), ...(requestId === undefined ? {} : { request_id: requestId }) };
      sink.log({ ...line, ...redaction.fields(fields), ...line });
    };
    return { error: write('error'), warn: write('warn'), info: write('info'), http: write('http'), debug: write('debug') };
  };
  const files = new LogFiles(sink, logger('main'), options);
  return { logger, close: () => files.close() };
}

function consoleTransport(output: NodeJS.WritableStream & { readonly isTTY?: boolean }): winston.transport {
  output.on('error', ignoreGoneReader);
  return new winston.transports.Stream({ stream: output, ...(output.isTTY === true ? { format: winston.format.printf(terminalLine) } : {}) });
}

/** Whoever read our output went away: files go on. */
function ignoreGoneReader(): void {}

function passwordsOf(urls: readonly string[]): string[] {
  const parsed = urls.filter((url) => URL.canParse(url)).map((url) => new URL(url).password);
  return parsed.flatMap((password) => [password, decodeURIComponent(password)]);
}

/** The files behind one sink. The first failure is told once; a file that failed is left. */
class LogFiles {
  readonly #sink: winston.Logger;
  readonly #log: Logger;
  readonly #options: LoggingOptions;
  readonly #open = new Set<DailyRotateFile>();
  #warned = false;

  constructor(sink: winston.Logger, log: Logger, options: LoggingOptions) {
    this.#sink = sink;
    this.#log = log;
    this.#options = options;
    this.#add({ filename: 'app-%DATE%.log', dirname: options.LOG_DIR, datePattern: 'YYYYMMDD', maxSize: options.appLogBytes ?? appLog.bytes, maxFiles: appLog.files, createSymlink: true, symlinkName: 'app.log', auditFile: this.#audit('app') });
    for (const service of logServices) {
      const only = winston.format((info) => (info['service'] === service ? info : false));
      this.#add({ filename: '%DATE%.log', dirname: join(options.LOG_DIR, service), datePattern: 'YYYYMMDDHH', maxFiles: `${options.LOG_RETENTION_DAYS}d`, auditFile: this.#audit(service), format: only() });
    }
  }

  #audit(name: string): string {
    return join(this.#options.LOG_DIR, '.audit', `${name}.json`);
  }

  #add(options: DailyRotateFile.DailyRotateFileTransportOptions): void {
    try {
      const file = new DailyRotateFile(options);
      file.logStream.on('error', (error: unknown) => this.#leave(file, error));
      this.#open.add(file);
      this.#sink.add(file);
    } catch (error) {
      this.#warn(error);
    }
  }

  #leave(file: DailyRotateFile, error: unknown): void {
    if (!this.#open.delete(file)) return;
    this.#sink.remove(file);
    this.#warn(error);
  }

  #warn(error: unknown): void {
    if (this.#warned) return;
    this.#warned = true;
    this.#log.warn(`Log files under LOG_DIR "${this.#options.LOG_DIR}" cannot be written (${reasonOf(error)}); lines that belong there go to the console only.`);
  }

  async close(): Promise<void> {
    const files = [...this.#open];
    this.#open.clear();
    await Promise.all(files.map((file) => this.#flush(file)));
  }

  /** Lines pass through the sink's own stream first: a turn of the event loop lets them reach the file. */
  async #flush(file: DailyRotateFile): Promise<void> {
    await new Promise((resolve) => setImmediate(resolve));
    const written = new Promise<void>((resolve) => {
      file.logStream.once('finish', resolve);
      file.logStream.once('error', () => resolve());
    });
    this.#sink.remove(file);
    await written;
  }
}
