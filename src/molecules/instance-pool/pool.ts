import type { Instance, InstanceStatus } from '../../models/instance.ts';
import { PassingOver } from './passing-over.ts';

/** `passed_over_until`: it failed to take a prompt; others are preferred until then (milliseconds since 1970). */
export type PooledStatus = InstanceStatus & { readonly passed_over_until?: number };

/** Names of instances that a prompt shall go to, or rather not. */
export interface Wish {
  /** No others. */
  readonly only?: readonly string[] | undefined;
  /** Where there is another. */
  readonly avoid?: readonly string[] | undefined;
}

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
  readonly passing: PassingOver;
}

/** The ComfyUI servers and what is known of each. No I/O: whoever talks to an instance reports here. */
export class InstancePool {
  readonly #members = new Map<string, Member>();
  readonly #arrivals = new Set<() => void>();
  readonly #random: () => number;
  #turns = 0;

  constructor(instances: readonly Instance[] = [], random: () => number = Math.random) {
    this.#random = random;
    for (const instance of instances) this.add(instance);
  }

  add(instance: Instance): void {
    this.#members.set(instance.name, {
      instance, healthy: false, sandbox: false, version: undefined, queueRemaining: 0, inFlight: 0,
      connects: 0, drops: 0, connectedAt: undefined, lastError: undefined, turn: 0, passing: new PassingOver(),
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

  /** The least busy healthy instance that is not in `except`; equals take turns. One that is passed over, or to be avoided, only where there is no other. */
  choose(now: number, except: ReadonlySet<string> = new Set(), { only, avoid = [] }: Wish = {}): Instance | undefined {
    let best: Member | undefined;
    for (const member of this.#members.values()) {
      const { name } = member.instance;
      if (!member.healthy || except.has(name) || only?.includes(name) === false) continue;
      const [avoided, bestAvoided] = [avoid.includes(name), avoid.includes(best?.instance.name ?? '')];
      if (!best || (avoided === bestAvoided ? isBefore(member, best, now) : bestAvoided)) best = member;
    }
    if (!best) return undefined;
    best.turn = ++this.#turns;
    best.passing.tried(now, this.#random());
    return best.instance;
  }

  connected(name: string, facts: { at: number; sandbox: boolean; version: string | undefined }): void {
    this.#change(name, (member) => {
      Object.assign(member, { healthy: true, sandbox: facts.sandbox, version: facts.version, connectedAt: facts.at, lastError: undefined, connects: member.connects + 1 });
    });
    for (const arrived of this.#arrivals) arrived();
  }

  /** Whether an instance is healthy, one of those that are named. */
  anyHealthy(names?: readonly string[]): boolean {
    return names === undefined ? this.healthy().length > 0 : names.some((name) => this.isHealthy(name));
  }

  /** Resolves when an instance is healthy, or one of those that are named: at once if it is. Rejects when the signal aborts. */
  async whenHealthy(signal: AbortSignal, names?: readonly string[]): Promise<void> {
    const there = (): boolean => this.anyHealthy(names);
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

  /** It did not take a prompt, or did not say so. True when that is news. */
  handOverFailed(name: string, times: { readonly began: number; readonly now: number }): boolean {
    return this.#members.get(name)?.passing.failed(times, this.#random()) ?? false;
  }

  /** It answered as it should. True when that is news. */
  handOverSucceeded(name: string): boolean {
    return this.#members.get(name)?.passing.succeeded() ?? false;
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

  statuses(now: number): PooledStatus[] {
    return [...this.#members.values()].map((member) => ({
      instance: member.instance.name,
      healthy: member.healthy,
      sandbox: member.sandbox,
      in_flight: member.inFlight,
      connects: member.connects,
      drops: member.drops,
      ...(member.healthy ? { queue_remaining: member.queueRemaining } : {}),
      ...(member.connectedAt === undefined ? {} : { connected_at: member.connectedAt, uptime_seconds: Math.round((now - member.connectedAt) / 1000) }),
      ...passedOver(member.passing.until(now)),
      ...(member.lastError === undefined ? {} : { last_error: member.lastError }),
      ...(member.version === undefined ? {} : { comfyui_version: member.version }),
    }));
  }

  #change(name: string, change: (member: Member) => void): void {
    const member = this.#members.get(name);
    if (member) change(member);
  }
}

/** Fewest pauses left, then the least busy, then whoever waited longest for a turn. */
function isBefore(one: Member, other: Member, now: number): boolean {
  const [pause, otherPause] = [one.passing.until(now) ?? 0, other.passing.until(now) ?? 0];
  if (pause !== otherPause) return pause < otherPause;
  return load(one) === load(other) ? one.turn < other.turn : load(one) < load(other);
}

function passedOver(until: number | undefined): { passed_over_until?: number } {
  return until === undefined ? {} : { passed_over_until: until };
}

function load(member: Member): number {
  return Math.max(member.queueRemaining, member.inFlight);
}
