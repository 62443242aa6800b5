import type { HttpText } from '../../atoms/http/http.ts';
import { parseLenientJson } from '../../atoms/json/json.ts';
import { limits } from '../../constants/limits.ts';
import { fail } from '../../core/errors.ts';
import { upstreamFailure, upstreamStatus } from '../../core/http-failure.ts';
import type { Instance } from '../../models/instance.ts';
import type { NodeDeclarations } from '../../models/node-declaration.ts';
import { declarationsOf } from './translate.ts';
import { ObjectInfo, SystemStats } from './wire.ts';

export interface SystemFacts {
  readonly version: string | undefined;
  readonly sandbox: boolean;
}

interface Kept {
  /** When it was asked. */
  readonly at: number;
  readonly asked: Promise<NodeDeclarations>;
  found: NodeDeclarations | undefined;
}

/** What an instance tells of itself (GET /system_stats, GET /object_info). */
export class ComfyuiInfo {
  readonly #http: HttpText;
  readonly #timeoutMs: number;
  readonly #connectMs: number;
  readonly #now: () => number;
  readonly #kept = new Map<string, Kept>();
  /** Newer ones on their way. */
  readonly #asking = new Map<string, Promise<NodeDeclarations>>();

  constructor(http: HttpText, options: { timeoutMs: number; connectMs: number; now?: () => number }) {
    this.#http = http;
    this.#timeoutMs = options.timeoutMs;
    this.#connectMs = options.connectMs;
    this.#now = options.now ?? Date.now;
  }

  /** Whether a ComfyUI answers there, within the connect limit. Throws CONNECTION_ERROR or UPSTREAM_ERROR. */
  async system(instance: Instance, signal: AbortSignal): Promise<SystemFacts> {
    const stats = SystemStats.safeParse(await this.#get(instance, { path: '/system_stats', timeoutMs: this.#connectMs }, signal));
    if (!stats.success) throw fail('UPSTREAM_ERROR', `instance ${instance.name} answered GET /system_stats with something that is not ComfyUI's.`);
    return { version: stats.data.system.comfyui_version, sandbox: stats.data.system.sandbox ?? false };
  }

  /** All that GET /system_stats says but for the command line, which tells of paths. Throws as `system`. */
  async stats(instance: Instance, signal: AbortSignal): Promise<Readonly<Record<string, unknown>>> {
    const stats = SystemStats.safeParse(await this.#get(instance, { path: '/system_stats', timeoutMs: this.#connectMs }, signal));
    if (!stats.success) throw fail('UPSTREAM_ERROR', `instance ${instance.name} answered GET /system_stats with something that is not ComfyUI's.`);
    const { argv: _, ...system } = stats.data.system;
    return { ...stats.data, system };
  }

  /** Node classes of the instance, asked once and kept until `forget`. */
  async declarations(instance: Instance): Promise<NodeDeclarations> {
    const { name } = instance;
    const known = this.#kept.get(name);
    if (known) return known.asked;
    const kept: Kept = { at: this.#now(), asked: this.#ask(instance, AbortSignal.timeout(this.#timeoutMs)), found: undefined };
    this.#kept.set(name, kept);
    kept.asked.then((found) => (kept.found = found), () => this.#kept.get(name) === kept && this.#kept.delete(name));
    return kept.asked;
  }

  /** As `declarations`, asked anew where they are older than `age` milliseconds; the older ones are kept until newer are there. */
  async recent(instance: Instance, age: number): Promise<NodeDeclarations> {
    const { name } = instance;
    const kept = this.#kept.get(name);
    if (!kept?.found || this.#now() - kept.at <= age) return this.declarations(instance);
    const before = this.#asking.get(name);
    if (before) return before;
    const at = this.#now();
    const asked = this.#ask(instance, AbortSignal.timeout(this.#timeoutMs));
    this.#asking.set(name, asked);
    const mine = (): boolean => this.#asking.get(name) === asked && this.#asking.delete(name);
    asked.then((found) => mine() && this.#kept.set(name, { at, asked, found }), mine);
    return asked;
  }

  /** What the instance said last, if it has said anything. */
  known(instance: Instance): NodeDeclarations | undefined {
    return this.#kept.get(instance.name)?.found;
  }

  /** The instance was away: it may come back with other nodes. */
  forget(instance: Instance): void {
    this.#kept.delete(instance.name);
    this.#asking.delete(instance.name);
  }

  async #ask(instance: Instance, signal: AbortSignal): Promise<NodeDeclarations> {
    const info = ObjectInfo.safeParse(await this.#get(instance, { path: '/object_info', timeoutMs: this.#timeoutMs }, signal));
    if (!info.success) throw fail('UPSTREAM_ERROR', `instance ${instance.name} answered GET /object_info with something else than node declarations.`);
    return declarationsOf(info.data);
  }

  async #get(instance: Instance, call: { path: string; timeoutMs: number }, signal: AbortSignal): Promise<unknown> {
    const request = { method: 'GET', url: instance.url + call.path, headers: instance.headers, timeoutMs: call.timeoutMs, maxBytes: limits.upstreamJsonBytes } as const;
    const answer = await this.#http.request(request, signal).catch((error: unknown) => {
      throw upstreamFailure(instance.name, error);
    });
    if (answer.status !== 200) throw upstreamStatus(instance.name, `GET ${call.path}`, answer);
    try {
      return parseLenientJson(answer.text);
    } catch (error) {
      throw fail('UPSTREAM_ERROR', `instance ${instance.name} answered GET ${call.path} with something else than JSON.`, { cause: error });
    }
  }
}
