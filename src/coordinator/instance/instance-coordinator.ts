import { fail, reasonOf } from '../../core/errors.ts';
import type { Readiness } from '../../models/instance.ts';
import { limits } from '../../constants/limits.ts';
import type { ComfyuiInfo } from '../../molecules/comfyui-info/info.ts';
import type { InstancePool } from '../../molecules/instance-pool/pool.ts';

/** What an instance says of itself when it is asked. */
export interface InstanceLook {
  readonly instance: string;
  readonly answers: boolean;
  readonly version: string | undefined;
  readonly sandbox: boolean;
  /** Why it does not answer. */
  readonly reason: string | undefined;
}

/** What is known of the instances. */
export class InstanceCoordinator {
  readonly #pool: InstancePool;
  readonly #info: Pick<ComfyuiInfo, 'system' | 'stats'>;
  readonly #now: () => number;

  constructor(parts: { pool: InstancePool; info: Pick<ComfyuiInfo, 'system' | 'stats'>; now: () => number }) {
    this.#pool = parts.pool;
    this.#info = parts.info;
    this.#now = parts.now;
  }

  /** Ready when at least one instance can take a workflow. */
  readiness(): Readiness {
    const instances = this.#pool.statuses(this.#now());
    return { ready: instances.some((instance) => instance.healthy), instances };
  }

  /** Asks each of them now, whether its events are followed or not. */
  async look(signal: AbortSignal): Promise<readonly InstanceLook[]> {
    return Promise.all(this.#pool.all().map(async (instance) => {
      try {
        const { version, sandbox } = await this.#info.system(instance, signal);
        return { instance: instance.name, answers: true, version, sandbox, reason: undefined };
      } catch (error) {
        return { instance: instance.name, answers: false, version: undefined, sandbox: false, reason: reasonOf(error) };
      }
    }));
  }

  /** ComfyUI's own figures: those of the first that answers, and of all under `instances`. Throws CONNECTION_ERROR when none does. */
  async systemStats(signal: AbortSignal): Promise<Readonly<Record<string, unknown>>> {
    const limit = AbortSignal.any([signal, AbortSignal.timeout(limits.showingPatience)]);
    const answers = await Promise.all(this.#pool.all().map(async (instance) => {
      try {
        return { instance: instance.name, ...(await this.#info.stats(instance, limit)) };
      } catch (error) {
        return { instance: instance.name, error: reasonOf(error) };
      }
    }));
    const first = answers.find((answer) => !('error' in answer));
    if (!first) throw fail('CONNECTION_ERROR', `no instance tells its figures now (${answers.map((answer) => answer.instance).join(', ')}).`, { retryAfter: 5 });
    return { ...first, instances: answers };
  }
}
