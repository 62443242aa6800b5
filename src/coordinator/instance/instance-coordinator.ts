import type { Readiness } from '../../models/instance.ts';
import type { InstancePool } from '../../molecules/instance-pool/pool.ts';

/** What is known of the instances. */
export class InstanceCoordinator {
  readonly #pool: InstancePool;
  readonly #now: () => number;

  constructor(parts: { pool: InstancePool; now: () => number }) {
    this.#pool = parts.pool;
    this.#now = parts.now;
  }

  /** Ready when at least one instance can take a workflow. */
  readiness(): Readiness {
    const instances = this.#pool.statuses(this.#now());
    return { ready: instances.some((instance) => instance.healthy), instances };
  }
}
