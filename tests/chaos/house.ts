/** The gateway as processes: one that does everything, or doors and workers apart. */
import { join } from 'node:path';
import { settingsBelow } from '../support/gateway.ts';
import { GatewayClient } from '../support/gateway-client.ts';
import { TasksClient } from '../support/tasks-client.ts';
import { Child, type Exit } from './child.ts';

/** `crowd`: doors and two workers. */
export const modes = ['whole', 'apart', 'crowd'] as const;
export type Mode = (typeof modes)[number];
type Role = 'all' | 'api' | 'worker';
const rolesOf: Readonly<Record<Mode, readonly Role[]>> = { whole: ['all'], apart: ['api', 'worker'], crowd: ['api', 'worker', 'worker'] };

export class House {
  readonly #folder: string;
  readonly #env: Readonly<Record<string, string>>;
  #processes: { readonly role: Role; readonly child: Child }[] = [];
  #tasks: TasksClient | undefined;
  #started = 0;
  mode: Mode = 'whole';

  constructor(folder: string, env: Readonly<Record<string, string>>) {
    this.#folder = folder;
    this.#env = env;
  }

  /** Of the doors that there are now, or were last. */
  get tasks(): TasksClient {
    if (!this.#tasks) throw new TypeError('the gateway was never started');
    return this.#tasks;
  }

  get size(): number {
    return this.#processes.length;
  }

  /** Starts what that mode has and is not there. */
  async start(mode: Mode): Promise<void> {
    this.mode = mode;
    const missing = [...rolesOf[mode]];
    for (const { role } of this.#processes) if (missing.includes(role)) missing.splice(missing.indexOf(role), 1);
    const begin = async (role: Role): Promise<{ readonly role: Role; readonly child: Child }> => ({ role, child: await this.#begin(role) });
    // The first one makes the folders and the database; after that all begin at the same time.
    const first = this.#started === 0 ? await Promise.all(missing.splice(0, 1).map(begin)) : [];
    const begun = [...first, ...(await Promise.all(missing.map(begin)))];
    this.#processes.push(...begun);
    const doors = begun.find(({ role }) => role !== 'worker');
    if (doors) this.#tasks = new TasksClient(new GatewayClient(doors.child.word));
  }

  /** Those of that role, or all; of two workers both. Resolves with how they ended. */
  async kill(signal: 'SIGKILL' | 'SIGTERM', role?: Role): Promise<readonly Exit[]> {
    const victims = this.#processes.filter((one) => role === undefined || one.role === role);
    this.#processes = this.#processes.filter((one) => !victims.includes(one));
    return Promise.all(victims.map(({ child }) => child.kill(signal)));
  }

  /** One of the workers, while the others go on. */
  async killOneWorker(): Promise<void> {
    const victim = this.#processes.find(({ role }) => role === 'worker');
    this.#processes = this.#processes.filter((one) => one !== victim);
    await victim?.child.kill('SIGKILL');
  }

  #begin(role: Role): Promise<Child> {
    this.#started += 1;
    const env = { ...settingsBelow(this.#folder), ...this.#env, LOG_DIR: join(this.#folder, `logs-${this.#started}-${role}`) };
    const sign = role === 'worker' ? /(a worker without doors)/ : /comfyui-gateway \S+ at (http:\S+)/;
    return Child.start(['src/entry/main.ts', ...(role === 'all' ? [] : [role])], env, sign);
  }
}
