/** The command line of a sandbox: its options, their help, and a plain line for what is wrong with them. */
import { parseArgs } from 'node:util';
import { z } from 'zod';

interface About {
  readonly about: string;
  /** What stands behind its name in the help; a flag takes nothing. */
  readonly takes?: string | undefined;
  /** What its value may be, as the end of a sentence. */
  readonly allowed?: string | undefined;
}

const described = z.registry<About>();

interface Range {
  readonly from?: number;
  readonly to: number;
  readonly usual: number;
}

function whole({ from = 0, to, usual }: Range, { takes, about }: About) {
  const number = z.string().regex(/^\d+$/).transform(Number).pipe(z.number().min(from).max(to));
  return number.default(usual).register(described, { takes, allowed: `${from} to ${to}`, about: `${about} (default ${usual})` });
}

function word(usual: string, { takes, allowed, about }: About) {
  return z.string().min(1).default(usual).register(described, { takes, allowed, about: `${about} (default ${usual})` });
}

const flag = (about: string) => z.boolean().default(false).register(described, { about });
const leaseTime = (usual: number, about: string) => whole({ from: 1, to: 86_400_000, usual }, { takes: 'N', about });

export const port = (usual: number, about: string) => whole({ to: 65_535, usual }, { takes: 'P', about });
export const milliseconds = (usual: number, about: string) => whole({ to: 600_000, usual }, { takes: 'N', about });
export const folder = (usual: string, about: string) => word(usual, { takes: 'DIR', allowed: 'the path of a folder', about });

/** Where a sandbox listens. */
export const place = (usualPort: number) => ({
  host: word('127.0.0.1', { takes: 'H', allowed: 'an address or name of this machine', about: 'address to listen on' }),
  port: port(usualPort, 'port, 0 for any free one'),
});

/** How long it lives, and what it allows. */
export const life = {
  'address-file': z.string().min(1).optional().register(described, { takes: 'FILE', allowed: 'the path of a file', about: 'write {url, pid} there; exit at once if it already names a live sandbox' }),
  leased: flag('live only while somebody holds GET /sandbox/lease open'),
  'first-lease-ms': leaseTime(15_000, 'how long the first lease may take to come'),
  'lease-grace-ms': leaseTime(5_000, 'how long to live on without any lease'),
  knobs: flag('allow /sandbox/knobs and /sandbox/counters'),
  help: flag('this text'),
};

export interface Command<Options extends z.ZodObject> {
  /** What it is, in a sentence. */
  readonly about: string;
  /** How it is called in the folder of the package. */
  readonly call: string;
  readonly options: Options;
}

/** Works with what the command line says, or prints the help. What is wrong goes to stderr, and makes the exit code 1. */
export async function runCommand<Options extends z.ZodObject>(command: Command<Options>, work: (given: z.output<Options>) => Promise<void>): Promise<void> {
  const { options } = command;
  const { values, fault } = spoken(options);
  if ('help' in values) {
    process.stdout.write(helpOf(command));
    return;
  }
  const read = options.safeParse(values);
  if (fault !== undefined) refuse([fault]);
  else if (!read.success) refuse(read.error.issues.map(({ path: [name = ''] }) => `--${String(name)} is "${values[String(name)]}"; allowed: ${aboutOf(options, String(name))?.allowed}.`));
  else await work(read.data).catch((error: unknown) => { refuse([listenFault(error, read.data) ?? String(error)]); });
}

/** Ends the process at once: what has begun by then would keep it alive. */
function refuse(lines: readonly string[]): void {
  process.stderr.write(lines.map((line) => `${line}\n`).join(''), () => process.exit(1));
}

const aboutOf = ({ shape }: z.ZodObject, name: string): About | undefined => (Object.hasOwn(shape, name) ? described.get(shape[name]) : undefined);

interface Spoken {
  readonly values: Readonly<Record<string, string | true>>;
  /** The first thing that cannot be understood. */
  readonly fault: string | undefined;
}

function spoken(options: z.ZodObject): Spoken {
  const kinds = Object.keys(options.shape).map((name) => [name, { type: aboutOf(options, name)?.takes === undefined ? 'boolean' : 'string' }] as const);
  const { tokens } = parseArgs({ options: Object.fromEntries(kinds), strict: false, tokens: true });
  const values: Record<string, string | true> = {};
  const faults: string[] = [];
  for (const token of tokens) {
    if (token.kind === 'option-terminator') continue;
    const fault = token.kind === 'positional' ? `"${token.value}" is not understood; --help lists the options.` : misuse(token, aboutOf(options, token.name));
    if (fault !== undefined) faults.push(fault);
    else if (token.kind === 'option') values[token.name] = token.value ?? true;
  }
  return { values, fault: faults[0] };
}

interface OptionToken {
  readonly rawName: string;
  readonly value?: string | undefined;
  readonly inlineValue?: boolean | undefined;
}

function misuse({ rawName, value, inlineValue }: OptionToken, about: About | undefined): string | undefined {
  if (about === undefined) return `There is no option ${rawName}; --help lists those that there are.`;
  if (about.takes === undefined) return value === undefined ? undefined : `${rawName} takes no value.`;
  const missing = value === undefined || (!inlineValue && value.startsWith('--'));
  return missing ? `${rawName} needs a value: ${rawName} ${about.takes}` : undefined;
}

function helpOf({ about, call, options }: Command<z.ZodObject>): string {
  const rows = Object.entries(options.shape).map(([name, schema]) => {
    const { takes, about: does = '' } = described.get(schema) ?? {};
    return [`--${name}${takes === undefined ? '' : ` ${takes}`}`, does] as const;
  });
  const width = Math.max(...rows.map(([left]) => left.length));
  return `${about}\n\n${call} -- [options]\n${rows.map(([left, does]) => `  ${left.padEnd(width)}  ${does}\n`).join('')}`;
}

/** Of these the address is the fault. */
const HOST_FAULTS = ['EADDRNOTAVAIL', 'ENOTFOUND', 'EAI_AGAIN', 'EINVAL', 'EAFNOSUPPORT'];
/** As Node tells that it cannot listen. */
const Refusal = z.object({ code: z.string(), syscall: z.enum(['listen', 'getaddrinfo']), port: z.number().optional(), address: z.string().optional() });

function listenFault(error: unknown, given: Readonly<Record<string, unknown>>): string | undefined {
  const { data } = Refusal.safeParse(error);
  if (data === undefined) return undefined;
  const why = { EADDRINUSE: 'in use', EACCES: 'not for this user' }[data.code];
  if (why === undefined && !HOST_FAULTS.includes(data.code)) return undefined;
  if (why === undefined) return `--host is "${String(given['host'])}"; allowed: an address or name of this machine (${data.code}).`;
  const names = Object.keys(given).filter((name) => name.endsWith('port') && given[name] === data.port).map((name) => `--${name}`);
  return `Port ${data.port} on ${data.address} is ${why}; choose another one with ${names.join(' or ')}, or 0 for any.`;
}
