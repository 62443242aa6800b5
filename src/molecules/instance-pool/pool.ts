import type { Instance, InstanceStatus } from '../../models/instance.ts';

interface Member {
  readonly instance: Instance;
  healthy: boolean;
  sandbox: boolean;
  version: string | undefined;
  /** As its last `status` message said: everybody's prompts. */
  queueRemaining: number;
  inFlight: number;
  connects: number;
  drops: number;
  connectedAt: number | undefined;
  lastError: string | undefined;
  /** Order of being chosen, so that equals take turns. */
  turn: number;
}

/** The ComfyUI servers and what is known of each. No I/O: whoever talks to an instance reports here. */
export class InstancePool {
  readonly #members = new Map<string, Member>();
  readonly #arrivals = new Set<() => void>();
  #turns = 0;

  constructor(instances: readonly Instance[] = []) {
    for (const instance of instances) this.add(instance);
  }

  add(instance: Instance): void {
    this.#members.set(instance.name, {
      instance, healthy: false, sandbox: false, version: undefined, queueRemaining: 0, inFlight: 0,
      connects: 0, drops: 0, connectedAt: undefined, lastError: undefined, turn: 0,
    });
  }

  get(name: string): Instance | undefined {
    return this.#members.get(name)?.instance;
  }

  all(): readonly Instance[] {
    return [...this.#members.values()].map((member) => member.instance);
  }

  healthy(): readonly Instance[] {
    return [...this.#members.values()].filter((member) => member.healthy).map((member) => member.instance);
  }

  isHealthy(name: string): boolean {
    return this.#members.get(name)?.healthy ?? false;
  }

  /** The least busy healthy instance that is not in `except`; equals take turns. */
  choose(except: ReadonlySet<string> = new Set()): Instance | undefined {
    let best: Member | undefined;
    for (const member of this.#members.values()) {
      if (!member.healthy || except.has(member.instance.name)) continue;
      if (!best || load(member) < load(best) || (load(member) === load(best) && member.turn < best.turn)) best = member;
    }
    if (!best) return undefined;
    best.turn = ++this.#turns;
    return best.instance;
  }

  connected(name: string, facts: { at: number; sandbox: boolean; version: string | undefined }): void {
    this.#change(name, (member) => {
      Object.assign(member, { healthy: true, sandbox: facts.sandbox, version: facts.version, connectedAt: facts.at, lastError: undefined, connects: member.connects + 1 });
    });
    for (const arrived of this.#arrivals) arrived();
  }

  /** Resolves when an instance is healthy, or the one that is named: at once if it is. Rejects when the signal aborts. */
  async whenHealthy(signal: AbortSignal, name?: string): Promise<void> {
    const there = (): boolean => (name === undefined ? this.healthy().length > 0 : this.isHealthy(name));
    if (there()) return;
    signal.throwIfAborted();
    const { promise, resolve, reject } = Promise.withResolvers<void>();
    const arrived = (): void => (there() ? resolve() : undefined);
    const aborted = (): void => reject(signal.reason instanceof Error ? signal.reason : new DOMException('aborted', 'AbortError'));
    this.#arrivals.add(arrived);
    signal.addEventListener('abort', aborted, { once: true });
    try {
      await promise;
    } finally {
      this.#arrivals.delete(arrived);
      signal.removeEventListener('abort', aborted);
    }
  }

  /** The socket ended, or could not be opened. */
  disconnected(name: string, reason: string): void {
    this.#change(name, (member) => {
      if (member.healthy) member.drops += 1;
      Object.assign(member, { healthy: false, connectedAt: undefined, lastError: reason, queueRemaining: 0 });
    });
  }

  setRemaining(name: string, queueRemaining: number): void {
    this.#change(name, (member) => (member.queueRemaining = queueRemaining));
  }

  /** Prompts of this gateway that have not ended, on that instance. */
  setInFlight(name: string, inFlight: number): void {
    this.#change(name, (member) => (member.inFlight = inFlight));
  }

  remaining(name: string): number {
    return this.#members.get(name)?.queueRemaining ?? 0;
  }

  /** Everybody's prompts over all instances, for `status` messages. */
  totalRemaining(): number {
    let total = 0;
    for (const member of this.#members.values()) total += member.queueRemaining;
    return total;
  }

  statuses(now: number): InstanceStatus[] {
    return [...this.#members.values()].map((member) => ({
      instance: member.instance.name,
      healthy: member.healthy,
      sandbox: member.sandbox,
      in_flight: member.inFlight,
      connects: member.connects,
      drops: member.drops,
      ...(member.healthy ? { queue_remaining: member.queueRemaining } : {}),
      ...(member.connectedAt === undefined ? {} : { connected_at: member.connectedAt, uptime_seconds: Math.round((now - member.connectedAt) / 1000) }),
      ...(member.lastError === undefined ? {} : { last_error: member.lastError }),
      ...(member.version === undefined ? {} : { comfyui_version: member.version }),
    }));
  }

  #change(name: string, change: (member: Member) => void): void {
    const member = this.#members.get(name);
    if (member) change(member);
  }
}

function load(member: Member): number {
  return Math.max(member.queueRemaining, member.inFlight);
}
