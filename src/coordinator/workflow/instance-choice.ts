import { fail, type GatewayError } from '../../core/errors.ts';
import type { Instance } from '../../models/instance.ts';
import type { InternalOptions } from '../../models/workflow.ts';
import type { WorkflowParts } from './parts.ts';

/** Milliseconds that a submission waits for an instance when none is there: as long as a socket that broke takes to come back. */
const ARRIVAL = 1_500;

/** Where a prompt may go. `pinned`: the instance that has what it needs. */
export type Destination = Pick<InternalOptions, 'avoid' | 'only'> & { readonly pinned?: Instance | undefined };

/** Chooses the instance that is given a prompt. */
export class InstanceChoice {
  readonly #parts: Pick<WorkflowParts, 'pool' | 'now'>;

  constructor(parts: Pick<WorkflowParts, 'pool' | 'now'>) {
    this.#parts = parts;
  }

  /** Resolves when there is one. Throws CONNECTION_ERROR when none comes soon. */
  async arrival(to: Destination, signal: AbortSignal): Promise<void> {
    const { pool } = this.#parts;
    if (to.pinned && to.only?.includes(to.pinned.name) === false) throw this.#nobody(to);
    const names = to.pinned ? [to.pinned.name] : to.only;
    if (pool.anyHealthy(names)) return;
    await pool.whenHealthy(AbortSignal.any([signal, AbortSignal.timeout(ARRIVAL)]), names).catch(() => signal.throwIfAborted());
    if (!pool.anyHealthy(names)) throw this.#nobody(to);
  }

  /** Throws CONNECTION_ERROR. */
  first(to: Destination): Instance {
    const chosen = to.pinned ?? this.#parts.pool.choose(this.#parts.now(), new Set(), to);
    if (!chosen) throw this.#nobody(to);
    return chosen;
  }

  /** After those that could not take it. */
  next(to: Destination, tried: ReadonlySet<string>): Instance | undefined {
    return to.pinned ? undefined : this.#parts.pool.choose(this.#parts.now(), tried, to);
  }

  #nobody({ pinned, only }: Destination): GatewayError {
    const names = (only ?? this.#parts.pool.all().map((instance) => instance.name)).join(', ');
    const needs = pinned && `it needs ${pinned.name}${only?.includes(pinned.name) === false ? `, and may go to ${names} only` : ''}`;
    return fail('CONNECTION_ERROR', `no instance can take the workflow now (${needs ?? names}).`, { retryAfter: 5 });
  }
}
