import { type Child, startNode } from '../../atoms/child-process/child-process.ts';
import type { HttpText } from '../../atoms/http/http.ts';
import type { HttpStream, StreamAnswer } from '../../atoms/http-stream/http-stream.ts';
import { readText } from '../../atoms/text-file/text-file.ts';
import { sleep } from '../../atoms/time/time.ts';
import { fail, reasonOf } from '../../core/errors.ts';
import type { Logger } from '../../core/logger.ts';
import { Address, Marked } from './wire.ts';

export interface SandboxParts {
  readonly http: HttpText;
  readonly stream: HttpStream;
  readonly log: Logger;
  /** The sandbox's main file. */
  readonly script: string;
  /** Where its files live. */
  readonly dataDir: string;
  /** File that names the running sandbox; gateways that share it share the sandbox. */
  readonly addressFile: string;
}

const START_MS = 20_000;
const LOOK_MS = 30;

/**
 * The stand-in for a ComfyUI server, as a process of its own. It lives while some gateway holds a lease, so that a
 * killed gateway leaves nothing behind, and one that is started again at once finds it with its queue.
 */
export class Sandbox {
  readonly #parts: SandboxParts;
  #lease: StreamAnswer | undefined;
  #url: string | undefined;

  constructor(parts: SandboxParts) {
    this.#parts = parts;
  }

  /** Attaches to the running sandbox, or starts one. Answers its address. Throws CONNECTION_ERROR with its last words. */
  async attach(signal: AbortSignal): Promise<string> {
    const limit = AbortSignal.any([signal, AbortSignal.timeout(START_MS)]);
    let child: Child | undefined;
    let exited: number | null | undefined;
    while (!limit.aborted) {
      const url = await this.#running(limit);
      if (url !== undefined && (await this.#hold(url))) return (this.#url = url);
      if (!child) {
        child = this.#start();
        child.ended.then(({ code }) => (exited = code), () => (exited = null));
      }
      if (exited !== undefined && exited !== 0) throw fail('CONNECTION_ERROR', `the sandbox did not start: ${child.lastWords() || `it exited with ${exited}`}.`);
      if (exited === 0 && url === undefined) child = exited = undefined;
      await sleep(LOOK_MS, limit).catch(() => undefined);
    }
    throw fail('CONNECTION_ERROR', `the sandbox did not start within ${START_MS / 1000} seconds. ${child?.lastWords() ?? ''}`);
  }

  /** Brings it back, at the same address, whenever it dies. Until the signal aborts. */
  async keep(signal: AbortSignal): Promise<void> {
    while (!signal.aborted && this.#lease) {
      await ended(this.#lease, signal);
      if (signal.aborted) return;
      this.#parts.log.warn('the sandbox ended; starting it again');
      await this.attach(signal).catch(async (error: unknown) => {
        this.#parts.log.error('the sandbox does not start', { reason: reasonOf(error) });
        await sleep(1_000, signal).catch(() => undefined);
      });
    }
  }

  /** Gives the lease back: the sandbox ends at once unless another gateway holds it. */
  async release(signal: AbortSignal): Promise<void> {
    if (!this.#lease || this.#url === undefined) return;
    await this.#parts.http.request({ method: 'POST', url: `${this.#url}/sandbox/release`, timeoutMs: 1_000, maxBytes: 1_024 }, signal).catch((error: unknown) => {
      this.#parts.log.debug('the sandbox did not hear the farewell', { reason: reasonOf(error) });
    });
    this.#lease.body.destroy();
  }

  #start(): Child {
    const { script, dataDir, addressFile } = this.#parts;
    const port = this.#url === undefined ? '0' : new URL(this.#url).port;
    return startNode(script, ['--port', port, '--data', dataDir, '--address-file', addressFile, '--leased']);
  }

  /** The address in the file, if a sandbox answers there. */
  async #running(signal: AbortSignal): Promise<string | undefined> {
    const text = await readText(this.#parts.addressFile);
    const url = text === undefined ? undefined : Address.safeParse(parse(text)).data?.url;
    if (url === undefined) return undefined;
    const answer = await this.#parts.http.request({ method: 'GET', url: `${url}/system_stats`, timeoutMs: 2_000, maxBytes: 65_536 }, signal).catch(() => undefined);
    return answer && Marked.safeParse(parse(answer.text)).success ? url : undefined;
  }

  /** Not bound to the limit of the start: the lease is held until it is released. */
  async #hold(url: string): Promise<boolean> {
    const lease = await this.#parts.stream.open({ method: 'GET', url: `${url}/sandbox/lease`, headers: {}, idleMs: 30_000 }, new AbortController().signal).catch(() => undefined);
    if (lease?.status !== 200) {
      lease?.body.destroy();
      return false;
    }
    lease.body.on('error', () => undefined).resume();
    this.#lease = lease;
    return true;
  }
}

async function ended(lease: StreamAnswer, signal: AbortSignal): Promise<void> {
  await new Promise<void>((resolve) => {
    if (lease.body.destroyed || signal.aborted) return resolve();
    lease.body.once('close', () => resolve());
    signal.addEventListener('abort', () => resolve(), { once: true });
  });
}

function parse(text: string): unknown {
  try {
    const value: unknown = JSON.parse(text);
    return value;
  } catch (error) {
    if (error instanceof SyntaxError) return undefined;
    throw error;
  }
}
