/**
 * The environment, read once. `loadConfig` parses it with one schema and freezes the result; a bad value stops the
 * start with the variable's name, what was given (never a secret's value) and what is allowed.
 * docs/configuration.md is tested against `settings`.
 */
import { closestMatch } from 'leven';
import { z } from 'zod';

const truth: Readonly<Record<string, boolean>> = { true: true, '1': true, yes: true, on: true, false: false, '0': false, no: false, off: false };

const flag = (fallback: boolean) =>
  z
    .string()
    .transform((text, ctx) => {
      const value = truth[text.trim().toLowerCase()];
      if (value !== undefined) return value;
      ctx.addIssue({ code: 'custom', message: 'true or false' });
      return z.NEVER;
    })
    .default(fallback);

const number = (fallback: number, min: number, max: number) =>
  z
    .string()
    .transform((text, ctx) => {
      const value = Number(text);
      if (text.trim() !== '' && Number.isFinite(value) && value >= min && value <= max) return value;
      ctx.addIssue({ code: 'custom', message: `a number from ${min} to ${max}` });
      return z.NEVER;
    })
    .default(fallback);

const word = <const T extends readonly [string, ...string[]]>(words: T) =>
  z
    .string()
    .transform((text) => text.trim().toLowerCase())
    .pipe(z.enum(words, { error: `one of ${words.join(', ')}` }));

const integer = (fallback: number, min: number, max: number) =>
  z
    .string()
    .transform((text, ctx) => {
      const value = Number(text);
      if (text.trim() !== '' && Number.isInteger(value) && value >= min && value <= max) return value;
      ctx.addIssue({ code: 'custom', message: `a whole number from ${min} to ${max}` });
      return z.NEVER;
    })
    .default(fallback);

const text = (fallback: string) => z.string().trim().min(1, 'not empty').default(fallback);
const list = z.string().transform((value) => value.split(',').map((part) => part.trim()).filter(Boolean));

const proxy = z.union([z.enum(['loopback', 'linklocal', 'uniquelocal']), z.ipv4(), z.ipv6(), z.cidrv4(), z.cidrv6()]);
const proxies = list.refine((all) => all.every((one) => proxy.safeParse(one).success), 'addresses or subnets such as 10.0.0.0/8, or loopback, linklocal, uniquelocal');

const url = z.string().trim().refine((value) => URL.canParse(value) && /^https?:$/.test(new URL(value).protocol), 'an http:// or https:// address');

const withoutPassword = url.refine((value) => !URL.canParse(value) || new URL(value).password === '', 'an address without a password');

const isOrigin = (text: string): boolean => text === '*' || (URL.canParse(text) && /^https?:$/.test(new URL(text).protocol) && new URL(text).origin === text.toLowerCase());
const origins = list.refine((all) => all.every(isOrigin), 'origins such as https://app.example.org, or *');

export interface ApiKey {
  readonly name: string;
  readonly key: string;
  readonly admin: boolean;
}

const apiKeys = z
  .string()
  .transform((value, ctx): ApiKey[] => {
    const keys: ApiKey[] = [];
    for (const part of value.split(',').map((one) => one.trim()).filter(Boolean)) {
      const [name = '', key = '', role, ...rest] = part.split(':');
      const fine = /^[\w.@-]{1,64}$/.test(name) && /^[\x21-\x7e]{8,}$/.test(key) && (role === undefined || role === 'admin') && rest.length === 0;
      if (!fine || keys.some((other) => other.name === name || other.key === key)) {
        ctx.addIssue({ code: 'custom', message: 'name:key or name:key:admin, separated by commas; names and keys differ, a key has 8 characters or more, without ":" and ","' });
        return z.NEVER;
      }
      keys.push({ name, key, admin: role === 'admin' });
    }
    return keys;
  });

interface Setting {
  readonly schema: z.ZodType;
  /** One line for docs/configuration.md and `--help`. */
  readonly about: string;
  readonly secret?: boolean;
}

/** Every variable, in the order of docs/configuration.md. */
export const settings = {
  APP_NAME: { schema: text('comfyui-gateway'), about: 'Name in what the start prints, in the API document and on its pages.' },
  APP_VERSION: { schema: z.string().trim().min(1).optional(), about: 'Version shown; default is the one of package.json.' },
  HOST: { schema: text('127.0.0.1'), about: 'Address to listen on. Anything but loopback needs API_KEYS, or AUTH=off.' },
  PORT: { schema: integer(8000, 0, 65_535), about: 'Port to listen on; 0 takes a free one.' },
  PUBLIC_URL: { schema: url.refine((value) => !URL.canParse(value) || new URL(value).password === '', 'an address without a password, since callers see it').optional(), about: 'Address that clients use; file URLs begin with it. Without it they are paths.' },
  DEBUG: { schema: flag(false), about: 'Same as LOG_LEVEL=debug.' },
  COMFYUI_URLS: { schema: z.string().trim().optional(), about: 'ComfyUI servers, separated by commas, or `sandbox`, which is the default.' },
  COMFYUI_URL: { schema: z.string().trim().optional(), about: 'One ComfyUI server; same as COMFYUI_URLS with one entry.' },
  COMFYUI_HOST: { schema: z.string().trim().min(1).optional(), about: 'Host of one ComfyUI server (default 127.0.0.1 when COMFYUI_PORT is given).' },
  COMFYUI_PORT: { schema: integer(8188, 1, 65_535).optional(), about: 'Port of that server (default 8188 when COMFYUI_HOST is given).' },
  COMFYUI_TIMEOUT: { schema: number(300, 1, 86_400), about: 'Seconds that a prompt may run, from its start of execution; also how long an instance may be away before its prompts count as lost.' },
  COMFYUI_CONNECT_TIMEOUT: { schema: number(10, 0.1, 300), about: 'Seconds to reach an instance.' },
  COMFYUI_REQUEST_TIMEOUT: { schema: number(30, 1, 3_600), about: 'Seconds for an answer of an instance; for downloads, seconds without a byte.' },
  COMFYUI_CLIENT_ID: { schema: text('comfyui-gateway'), about: 'Prefix of the client id towards ComfyUI; the rest is unique per process.' },
  API_KEYS: { schema: apiKeys.default([]), about: '`name:key[:admin]`, separated by commas. Prompts and files belong to the name.', secret: true },
  AUTH: { schema: word(['on', 'off']).optional(), about: '`on` or `off`; default is `on` when there are API_KEYS. `off` lets everybody see and do everything.' },
  CORS_ORIGINS: { schema: origins.default([]), about: 'Origins of web pages that may call, separated by commas; `*` for all.' },
  TRUSTED_PROXIES: { schema: proxies.default([]), about: 'Proxies whose X-Forwarded-For is believed: addresses, subnets, `loopback` or `uniquelocal`, separated by commas.' },
  RATE_LIMIT_PER_MINUTE: { schema: integer(6_000, 0, 10_000_000), about: 'Calls per minute and key (per address where there is no key); 0 for no limit.' },
  MAX_WORKFLOW_MB: { schema: number(10, 0.001, 1_024), about: 'Largest workflow in MiB.' },
  MAX_UPLOAD_MB: { schema: number(100, 0.001, 102_400), about: 'Largest upload in MiB. ComfyUI itself takes 100 unless told otherwise.' },
  INPUT_DIR: { schema: text('input'), about: 'Where uploads are kept.' },
  OUTPUT_DIR: { schema: text('output'), about: 'Where outputs are mirrored.' },
  DATA_DIR: { schema: text('data'), about: 'The embedded database, and what the sandbox needs.' },
  MIRROR_OUTPUTS: { schema: flag(true), about: 'Copy outputs of finished prompts into OUTPUT_DIR, so that their URLs outlive the instance.' },
  OUTPUT_MAX_GB: { schema: number(50, 0, 1_000_000), about: 'Mirrored outputs over this size go, oldest first; 0 for no limit.' },
  OUTPUT_MAX_DAYS: { schema: number(30, 0, 36_500), about: 'Mirrored outputs, uploads and records older than this go; 0 for never.' },
  CONFIG_DIR: { schema: text('config'), about: 'Folder of engine_config.yml and of the templates, workflows/*.json.' },
  WORKER_CONCURRENCY: { schema: integer(16, 1, 1_000), about: 'Tasks that one process works on at once; those at RunningHub are counted by its account alone.' },
  TASKS_PER_INSTANCE: { schema: integer(2, 1, 100), about: 'Tasks that each ComfyUI server is given at once: one that runs, and those that follow without a pause.' },
  MAX_QUEUE_DEPTH: { schema: integer(100_000, 1, 10_000_000), about: 'Tasks that may wait; more are refused with QUEUE_FULL.' },
  MAX_ATTEMPTS: { schema: integer(3, 1, 100), about: 'How often a step of a task is tried when its failure may pass.' },
  RETRY_DELAY_SECONDS: { schema: number(2, 0, 3_600), about: 'Pause before the second attempt; each further one is twice as long, up to a minute, and jittered.' },
  TASK_RETENTION_DAYS: { schema: number(30, 0, 36_500), about: 'Finished tasks older than this go, with their events and outputs; 0 for never.' },
  DOWNLOAD_ATTEMPTS: { schema: integer(3, 1, 20), about: 'How often a file that a task names by URL is tried.' },
  DOWNLOAD_TIMEOUT_SECONDS: { schema: number(120, 1, 3_600), about: 'Seconds that one try may take.' },
  FETCH_ALLOWED_HOSTS: { schema: list.default(['*']), about: 'Where files of tasks may be fetched: `*` for every public address, names, `*.example.org`, addresses and subnets, each with a port if you like, separated by commas. What is named itself may be private.' },
  WEBHOOK_SECRET: { schema: z.string().trim().min(1).optional(), about: 'Signs webhooks (Standard Webhooks); without it they are not signed.', secret: true },
  WEBHOOK_ALLOWED_HOSTS: { schema: list.default(['*']), about: 'Where webhooks may go, as in FETCH_ALLOWED_HOSTS.' },
  WEBHOOK_TIMEOUT_SECONDS: { schema: number(15, 1, 50), about: 'Seconds that a receiver of a webhook has to answer.' },
  RUNNINGHUB_API_KEY: { schema: z.string().trim().min(1).optional(), about: 'Key of an account at RunningHub. With it there is an engine `runninghub`, and the paths of docs/runninghub-surfaces.md run on it.', secret: true },
  RUNNINGHUB_HOST: { schema: withoutPassword.default('https://www.runninghub.cn'), about: 'Where that account is: https://www.runninghub.cn or https://www.runninghub.ai.' },
  RUNNINGHUB_KEY_PLACE: { schema: word(['both', 'body', 'header']).default('both'), about: 'Where that key goes in a call: `header` for keys that are refused in the body, as some of enterprises are; `body` or `both`.' },
  RUNNINGHUB_PROGRESS_SOCKET: { schema: flag(false), about: 'Hear of the progress of runs of that account by the socket of each, between looks. It decides nothing.' },
  RUNNINGHUB_WEBHOOK_BASE: { schema: withoutPassword.refine((value) => !/[?#]/.test(value), 'an address without a query or a fragment').transform((value) => value.replace(/\/+$/, '')).optional(), about: 'Address of this gateway that RunningHub reaches: then it tells of the end of each run, and that run is looked at at once.' },
  REQUEST_TIMEOUT_SECONDS: { schema: number(60, 1, 3_600), about: 'Seconds for one call to RunningHub, an upload included.' },
  POLL_INTERVAL_SECONDS: { schema: number(5, 0.05, 600), about: 'Seconds between looks at a task of the engine `runninghub`.' },
  MAX_POLL_SECONDS: { schema: number(300, 1, 86_400), about: 'Seconds that POST /v1/generate and POST /submit_task wait; the task goes on after them.' },
  LOG_LEVEL: { schema: word(['error', 'warn', 'info', 'http', 'debug']).default('info'), about: 'error, warn, info, http (every request) or debug.' },
  LOG_DIR: { schema: text('logs'), about: 'Log files: `{service}/{YYYYMMDDHH}.log` per component and app.log with everything.' },
  LOG_RETENTION_DAYS: { schema: integer(14, 1, 3_650), about: 'Days that hourly log files are kept.' },
  SHUTDOWN_GRACE_SECONDS: { schema: number(10, 0, 600), about: 'Seconds for requests in flight after SIGTERM.' },
} as const satisfies Record<string, Setting>;

type Values = { readonly [K in keyof typeof settings]: z.output<(typeof settings)[K]['schema']> };

export interface Config extends Values {
  /** Base URLs of the instances, or `sandbox`. */
  readonly comfyuiUrls: readonly string[];
  /** Whether callers need a key. */
  readonly authenticated: boolean;
}

/** The start must stop: `lines` say which variables are wrong and what is allowed. */
export class ConfigError extends Error {
  override readonly name = 'ConfigError';
  readonly lines: readonly string[];

  constructor(lines: readonly string[]) {
    super(lines.join('\n'));
    this.lines = lines;
  }
}

const isLoopback = (host: string): boolean => /^(localhost|127(\.\d{1,3}){3}|::1|\[::1\])$/i.test(host);

/** Reads `.env` of the working folder, where there is one. Variables that are set already win. */
export function loadEnvFile(): void {
  try {
    process.loadEnvFile('.env');
  } catch (error) {
    if (!(error instanceof Error && 'code' in error && error.code === 'ENOENT')) throw new ConfigError([`.env cannot be read: ${String(error)}`]);
  }
}

/** Names this short are near to many that have nothing to do with us. */
const SHORTEST = 8;

/** Variables that are none of ours and look like one, in words to tell. */
export function likelyMistakes(environment: Readonly<Record<string, string | undefined>> = process.env): string[] {
  const known = Object.keys(settings);
  return Object.keys(environment).filter((name) => name.length >= SHORTEST && !known.includes(name)).flatMap((name) => {
    const meant = closestMatch(name, known, { maxDistance: 2 });
    return meant === undefined || meant.length < SHORTEST ? [] : [`${name} is no setting; did you mean ${meant}?`];
  });
}

/** One variable by its name, for files of the operator that refer to it as `${NAME}`. */
export function environmentValue(name: string): string | undefined {
  return process.env[name];
}

/** Parses `environment`; an empty value counts as not set. Throws `ConfigError`. */
export function loadConfig(environment: Readonly<Record<string, string | undefined>> = process.env): Config {
  const given = Object.fromEntries(Object.keys(settings).map((name) => [name, environment[name]?.trim() === '' ? undefined : environment[name]]));
  const schema = z.object(Object.fromEntries(Object.entries(settings).map(([name, setting]) => [name, setting.schema])));
  const parsed = schema.safeParse(given);
  if (!parsed.success) throw new ConfigError(parsed.error.issues.map((issue) => complaint(String(issue.path[0]), given, issue.message)));
  const values = parsed.data as unknown as Values;
  const comfyuiUrls = instanceUrls(values, given);
  const authenticated = checkAuth(values);
  return Object.freeze({ ...values, LOG_LEVEL: values.DEBUG ? 'debug' : values.LOG_LEVEL, comfyuiUrls: Object.freeze(comfyuiUrls), authenticated });
}

function complaint(name: string, given: Readonly<Record<string, string | undefined>>, allowed: string): string {
  const setting: Setting | undefined = Object.entries(settings).find(([key]) => key === name)?.[1];
  const shown = setting?.secret ? 'a value that is not shown' : `"${hideCredentials(given[name] ?? '')}"`;
  return `${name} is ${shown}; allowed: ${allowed}.`;
}

/** COMFYUI_URLS > COMFYUI_URL > COMFYUI_HOST/COMFYUI_PORT > sandbox; two that differ are refused. */
function instanceUrls(values: Values, given: Readonly<Record<string, string | undefined>>): string[] {
  const ways: { readonly name: string; readonly urls: string[] }[] = [];
  if (values.COMFYUI_URLS !== undefined) ways.push({ name: 'COMFYUI_URLS', urls: values.COMFYUI_URLS.split(',').map((one) => one.trim()).filter(Boolean) });
  if (values.COMFYUI_URL !== undefined) ways.push({ name: 'COMFYUI_URL', urls: [values.COMFYUI_URL] });
  if (given['COMFYUI_HOST'] !== undefined || given['COMFYUI_PORT'] !== undefined) {
    const host = values.COMFYUI_HOST ?? '127.0.0.1';
    ways.push({ name: 'COMFYUI_HOST/COMFYUI_PORT', urls: [`http://${inUrl(host)}:${values.COMFYUI_PORT ?? 8188}`] });
  }
  const [first, ...others] = ways.map((way) => ({ name: way.name, urls: way.urls.map((one) => baseUrl(way.name, one)) }));
  for (const other of others) {
    if (first && other.urls.join() !== first.urls.join()) {
      throw new ConfigError([`${first.name} and ${other.name} name different servers; set one of them.`]);
    }
  }
  if (first?.urls.length === 0) throw new ConfigError([`${first.name} has no entry; allowed: http:// or https:// addresses, separated by commas, or sandbox.`]);
  return [...new Set(first?.urls ?? ['sandbox'])];
}

/** An IPv6 address stands in brackets there. */
const inUrl = (host: string): string => (host.includes(':') && !host.startsWith('[') ? `[${host}]` : host);

function baseUrl(name: string, value: string): string {
  if (value.toLowerCase() === 'sandbox') return 'sandbox';
  if (!url.safeParse(value).success) throw new ConfigError([`${name} has an entry "${hideCredentials(value)}"; allowed: http:// or https:// addresses, or sandbox.`]);
  const parsed = new URL(value);
  return `${parsed.protocol}//${parsed.username ? `${parsed.username}:${parsed.password}@` : ''}${parsed.host}${parsed.pathname.replace(/\/+$/, '')}`;
}

/** A URL for a log or a message, also a mistyped one: nothing between its protocol, where there is one, and the last `@`. */
export function hideCredentials(value: string): string {
  return value.replace(/^(\s*\w+:[/\\]*)?.*@/s, (_all, protocol: string | undefined) => (protocol?.match(/^\s*https?:|\/\//i) ? protocol : ''));
}

function checkAuth(values: Values): boolean {
  if (values.AUTH === 'off') return false;
  if (values.API_KEYS.length > 0) return true;
  if (values.AUTH === 'on') throw new ConfigError(['AUTH is "on", but there are no API_KEYS; add:', '  API_KEYS=me:a-long-random-key:admin']);
  if (isLoopback(values.HOST)) return false;
  throw new ConfigError([
    `HOST is "${values.HOST}", which others can reach, and there are no API_KEYS. Add one of these lines to .env:`,
    '  API_KEYS=me:a-long-random-key:admin',
    '  AUTH=off',
  ]);
}
