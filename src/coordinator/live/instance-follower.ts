import { reasonOf } from '../../core/errors.ts';
import type { Instance } from '../../models/instance.ts';
import type { UpstreamEvent } from '../../models/upstream-event.ts';
import type { EventStream } from '../../molecules/comfyui-events/events.ts';
import type { Endings } from './endings.ts';
import type { LiveParts } from './parts.ts';
import type { QueueTeller } from './queue-teller.ts';
import { Reconciliation } from './reconciliation.ts';
import { EventRouter } from './router.ts';

const times = {
  /** First and longest wait before the next connect. */
  backoff: [250, 15_000],
  /** Between pings, and for a pong. */
  ping: 10_000,
  /** Between looks at an instance with prompts of ours that are quiet, or of an earlier process. */
  quiet: 5_000,
  adopted: 500,
  /** Nudges closer together than this are answered with one look. */
  settle: 100,
} as const;

/** Keeps one event socket to one instance: connects, re-connects, and sees to it that nothing waits for a message that passed. */
export class InstanceFollower {
  readonly #parts: LiveParts;
  readonly #instance: Instance;
  readonly #queues: QueueTeller;
  readonly #router: EventRouter;
  readonly #reconciliation: Reconciliation;
  #wake: (() => void) | undefined;
  #nudged = false;
  #lookedAt: number | undefined;
  #missed = 0;
  #awaySince: number;

  constructor(parts: LiveParts, instance: Instance, { endings, queues }: { readonly endings: Endings; readonly queues: QueueTeller }) {
    this.#parts = parts;
    this.#instance = instance;
    this.#queues = queues;
    this.#router = new EventRouter(parts, { endings, queues }, instance);
    this.#reconciliation = new Reconciliation(parts, endings);
    this.#awaySince = parts.now();
    parts.tracker.onNudge(instance.name, () => {
      this.#nudged = true;
      this.#wake?.();
    });
  }

  /** Until the signal aborts. */
  async run(signal: AbortSignal): Promise<void> {
    for (let failures = 0; !signal.aborted; failures += 1) {
      const stream = await this.#connect(signal);
      if (stream) failures = 0;
      if (stream) await this.#follow(stream, signal);
      if (signal.aborted) return;
      await this.#giveUpLostPrompts();
      await this.#parts.sleep(backoff(failures, this.#parts.random()), signal).catch(() => undefined);
    }
  }

  async #connect(signal: AbortSignal): Promise<EventStream | undefined> {
    const { comfyui, pool, log, clientId, now } = this.#parts;
    const instance = this.#instance;
    try {
      const facts = await comfyui.info.system(instance, signal);
      const stream = await comfyui.events.open(instance, clientId, signal);
      comfyui.info.forget(instance);
      pool.connected(instance.name, { at: now(), ...facts });
      log.client.info('connected', { instance: instance.name, version: facts.version, sandbox: facts.sandbox });
      return stream;
    } catch (error) {
      if (signal.aborted) return undefined;
      const reason = reasonOf(error);
      const before = pool.statuses(now()).find((status) => status.instance === instance.name)?.last_error;
      pool.disconnected(instance.name, reason);
      if (before !== reason) log.client.warn('cannot connect; trying again', { instance: instance.name, reason });
      return undefined;
    }
  }

  async #follow(stream: EventStream, signal: AbortSignal): Promise<void> {
    const connected = new AbortController();
    const either = AbortSignal.any([signal, connected.signal]);
    const end = (): void => stream.end('the gateway ends');
    signal.addEventListener('abort', end, { once: true });
    const tending = this.#tend(stream, either);
    for await (const event of stream.events()) this.#route(event, signal);
    this.#parts.tracker.missed(this.#instance.name);
    connected.abort();
    signal.removeEventListener('abort', end);
    await tending;
    this.#awaySince = this.#parts.now();
    this.#parts.pool.disconnected(this.#instance.name, stream.reason);
    void this.#queues.changed(signal);
    if (!signal.aborted) this.#parts.log.client.warn('the event socket ended', { instance: this.#instance.name, reason: stream.reason });
  }

  /** An event that cannot be passed on, as one nested too deep, must not end the others. */
  #route(event: UpstreamEvent, signal: AbortSignal): void {
    try {
      this.#router.route(event, signal);
    } catch (error) {
      this.#parts.tracker.missed(this.#instance.name);
      this.#parts.log.client.error('an event could not be passed on and was left out', { instance: this.#instance.name, kind: event.kind, error });
    }
  }

  /** Beside the events: looks at what is quiet, pings, enforces time limits. The first look is at everything in flight. */
  async #tend(stream: EventStream, signal: AbortSignal): Promise<void> {
    const { now } = this.#parts;
    let pinged = now();
    this.#lookedAt = undefined;
    this.#missed = 0;
    const tried = async (deed: () => Promise<void>): Promise<boolean> => this.#tried(deed, stream, signal);
    for (let first = true; !signal.aborted; first = false) {
      const looked = !(first || this.#due()) || (await tried(() => this.#reconcile(stream, signal)));
      await tried(() => this.#reconciliation.enforceLimit(this.#instance, signal));
      if (now() - pinged >= times.ping && (await tried(() => stream.ping(times.ping, signal)))) pinged = now();
      await this.#pause(signal);
      if (!looked) this.#nudged = true;
    }
  }

  /** Whether the instance did as it was asked. One that does not answer a ping either is given up. */
  async #tried(deed: () => Promise<void>, stream: EventStream, signal: AbortSignal): Promise<boolean> {
    if (signal.aborted) return false;
    try {
      await deed();
      return true;
    } catch (error) {
      if (signal.aborted) return false;
      this.#parts.log.client.warn('an instance did not answer while it was looked after', { instance: this.#instance.name, reason: reasonOf(error) });
      await stream.ping(times.ping, signal).catch((silence: unknown) => stream.end(`no answer to a ping (${reasonOf(silence)})`));
      return false;
    }
  }

  /** Endings that no event told of, found twice in a row, mean that the instance has forgotten our socket (ws 15). */
  async #reconcile(stream: EventStream, signal: AbortSignal): Promise<void> {
    const expected = this.#nudged || this.#lookedAt === undefined;
    this.#nudged = false;
    this.#lookedAt = this.#parts.now();
    const missed = await this.#reconciliation.run(this.#instance, signal);
    this.#missed = missed > 0 && !expected ? this.#missed + 1 : 0;
    if (this.#missed >= 2) stream.end('prompts ended without a message, so the events no longer come');
  }

  #due(): boolean {
    const now = this.#parts.now();
    const inFlight = this.#parts.tracker.inFlight(this.#instance.name);
    if (this.#nudged || inFlight.some((tracked) => tracked.adopted)) return true;
    return now - (this.#lookedAt ?? 0) >= times.quiet && inFlight.some((tracked) => now - tracked.lastEventAt > times.quiet);
  }

  async #pause(signal: AbortSignal): Promise<void> {
    if (signal.aborted) return;
    const adopted = this.#parts.tracker.inFlight(this.#instance.name).some((tracked) => tracked.adopted);
    const rest = new AbortController();
    const nudge = new Promise<void>((resolve) => (this.#wake = resolve));
    const waited = this.#parts.sleep(this.#nudged ? times.settle : adopted ? times.adopted : 1_000, AbortSignal.any([signal, rest.signal])).catch(() => undefined);
    await Promise.race(this.#nudged ? [waited] : [waited, nudge]);
    rest.abort();
    this.#wake = undefined;
  }

  async #giveUpLostPrompts(): Promise<void> {
    const away = this.#parts.now() - this.#awaySince;
    if (away > this.#parts.promptLimit) await this.#reconciliation.lose(this.#instance, `which has not been reachable for ${Math.round(away / 1000)} seconds (COMFYUI_TIMEOUT)`);
  }
}

/** Doubling, with up to half of it taken off at random. */
function backoff(failures: number, random: number): number {
  const [first, longest] = times.backoff;
  return Math.min(first * 2 ** failures, longest) * (1 - random / 2);
}
