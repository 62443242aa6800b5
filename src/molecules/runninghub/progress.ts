/** How far a task is, from what its progress socket says: ComfyUI's own messages. Results are not told there, and no end. */
import { ClientSocket, type SocketFrame } from '../../atoms/websocket/websocket.ts';
import { limits } from '../../constants/limits.ts';
import { fail } from '../../core/errors.ts';
import type { HubProgress } from '../../models/runninghub.ts';
import type { Redact } from './redact.ts';
import { isRecord, jsonOf, ProgressData, textOf } from './wire.ts';

const CONNECT_MS = 10_000;

export interface ProgressSocket {
  /** Holds a signature: it goes nowhere but into the socket, letter by letter as it came. */
  readonly address: string;
  /** Where the account is. */
  readonly url: string;
  readonly redact: Redact;
}

/** Until the socket ends, or `signal` fires. Throws CONNECTION_ERROR where it does not open, UPSTREAM_ERROR for an address that is not of RunningHub. */
export async function* progressOf({ address, url, redact }: ProgressSocket, signal: AbortSignal): AsyncGenerator<HubProgress, void> {
  if (!isOfSite(address, url)) throw fail('UPSTREAM_ERROR', 'RunningHub named a progress socket at a host that is not its own.');
  const options = { url: address, headers: {}, connectMs: CONNECT_MS, maxBytes: limits.runninghubFrameBytes, maxWaiting: 2 * limits.runninghubFrameBytes };
  const socket = await ClientSocket.open(options, signal).catch((error: unknown) => {
    throw fail('CONNECTION_ERROR', redact(`RunningHub's progress socket: ${error instanceof Error ? error.message : 'it does not open'}.`));
  });
  const end = (): void => socket.terminate('nobody listens any more');
  signal.addEventListener('abort', end, { once: true });
  try {
    const count = new ProgressCount();
    for await (const frame of socket.frames()) {
      const progress = count.take(frame);
      if (progress) yield { ...progress, node: progress.node === null ? null : redact(progress.node) };
    }
  } finally {
    signal.removeEventListener('abort', end);
    end();
  }
}

/** Whether the address of a socket is on the site of the account: the same host, or one below the same domain. */
export function isOfSite(address: string, url: string): boolean {
  if (!URL.canParse(address)) return false;
  const [there, site] = [new URL(address), new URL(url)];
  const domain = site.hostname.replace(/^www\./, '');
  const safe = there.protocol === 'wss:' || (there.protocol === 'ws:' && site.protocol === 'http:');
  return safe && (there.hostname === site.hostname || (domain.includes('.') && !/^[\d.]+$/.test(domain) && there.hostname.endsWith(`.${domain}`)));
}

/** Counts nodes that are done. Pure. */
export class ProgressCount {
  readonly #done = new Set<string>();
  #node: string | null = null;

  /** Undefined for a frame that says nothing of it. */
  take(frame: SocketFrame): HubProgress | undefined {
    const message = frame.kind === 'text' ? jsonOf(frame.text) : undefined;
    if (!isRecord(message) || !isRecord(message['data'])) return undefined;
    const { nodes, value, max, ...data } = ProgressData.parse(message['data']);
    const node = data.node?.slice(0, limits.told);
    switch (textOf(message['type'])) {
      case 'execution_cached':
        for (const one of nodes) this.#finish(one.slice(0, limits.told));
        return this.#told();
      case 'executing':
        if (this.#node !== null) this.#finish(this.#node);
        this.#node = node ?? null;
        return this.#told();
      case 'executed':
        if (node !== undefined) this.#finish(node);
        return this.#told();
      case 'progress':
        this.#node = node ?? this.#node;
        return { ...this.#told(), value, max };
      default:
        return undefined;
    }
  }

  #finish(node: string): void {
    if (this.#done.size < limits.nodes) this.#done.add(node);
  }

  #told(): HubProgress {
    return { node: this.#node, done: this.#done.size, value: undefined, max: undefined };
  }
}
