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

/** What an instance tells of itself (GET /system_stats, GET /object_info). */
export class ComfyuiInfo {
  readonly #http: HttpText;
  readonly #timeoutMs: number;
  readonly #connectMs: number;
  readonly #declarations = new Map<string, Promise<NodeDeclarations>>();

  constructor(http: HttpText, options: { timeoutMs: number; connectMs: number }) {
    this.#http = http;
    this.#timeoutMs = options.timeoutMs;
    this.#connectMs = options.connectMs;
  }

  /** Whether a ComfyUI answers there, within the connect limit. Throws CONNECTION_ERROR or UPSTREAM_ERROR. */
  async system(instance: Instance, signal: AbortSignal): Promise<SystemFacts> {
    const stats = SystemStats.safeParse(await this.#get(instance, { path: '/system_stats', timeoutMs: this.#connectMs }, signal));
    if (!stats.success) throw fail('UPSTREAM_ERROR', `instance ${instance.name} answered GET /system_stats with something that is not ComfyUI's.`);
    return { version: stats.data.system.comfyui_version, sandbox: stats.data.system.sandbox ?? false };
  }

  /** Node classes of the instance, asked once and kept until `forget`. */
  async declarations(instance: Instance): Promise<NodeDeclarations> {
    const known = this.#declarations.get(instance.name);
    if (known) return known;
    const asked = this.#ask(instance, AbortSignal.timeout(this.#timeoutMs));
    this.#declarations.set(instance.name, asked);
    asked.catch(() => this.#declarations.delete(instance.name));
    return asked;
  }

  /** The instance was away: it may come back with other nodes. */
  forget(instance: Instance): void {
    this.#declarations.delete(instance.name);
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
