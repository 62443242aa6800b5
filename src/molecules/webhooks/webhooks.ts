import type { Readable } from 'node:stream';
import type { PublicAnswer, PublicHttp } from '../../atoms/public-http/public-http.ts';
import { retryAfterMs } from '../../atoms/public-http/retry-after.ts';
import { limits } from '../../constants/limits.ts';
import { service } from '../../constants/service.ts';
import { fail, failedWith, reasonOf } from '../../core/errors.ts';
import type { DueDelivery } from '../../models/delivery-store.ts';
import { nextTry } from './schedule.ts';
import { parseSecret, webhookHeaders } from './sign.ts';

export interface WebhookParts {
  readonly http: PublicHttp;
  /** As `parseSecret` takes it; without one nothing is signed. */
  readonly secret: string | undefined;
  /** Milliseconds of one try, from the lookup of the name until the answer has been read. */
  readonly timeoutMs: number;
  readonly now: () => number;
  readonly random: () => number;
}

export type Sent =
  | { readonly kind: 'delivered'; readonly status: number }
  /** `nextAt` undefined: given up. */
  | { readonly kind: 'failed'; readonly status?: number; readonly error: string; readonly nextAt: number | undefined };

/** Tells receivers what happened: one POST per try, signed. Who may be told, and who is told again when, is decided here; what is due is not. */
export class Webhooks {
  readonly #parts: WebhookParts;
  readonly #key: Buffer | undefined;

  constructor(parts: WebhookParts) {
    this.#parts = parts;
    const { key, fault } = parts.secret === undefined ? {} : parseSecret(parts.secret);
    if (fault !== undefined) throw fail('INTERNAL_ERROR', `the secret of the webhooks cannot be used: ${fault}.`);
    this.#key = key;
  }

  /** Throws VALIDATION_ERROR for an address that could not be told anything wherever its name leads. Asks nobody. */
  check(url: string): void {
    this.#parts.http.check(url);
  }

  /** One try. Any 2xx is a delivery, whatever follows; anything else, a redirect among it, is a failure. Throws the reason of `signal` only. */
  async send(delivery: DueDelivery, signal: AbortSignal): Promise<Sent> {
    const { http, timeoutMs, now } = this.#parts;
    const { url, body, messageId } = delivery;
    const headers = { 'content-type': 'application/json', 'user-agent': service.name, ...webhookHeaders({ id: messageId, at: now(), body }, this.#key) };
    const inTime = AbortSignal.any([signal, AbortSignal.timeout(timeoutMs)]);
    try {
      const answer = await http.open({ method: 'POST', url, headers, body, timeoutMs, idleMs: timeoutMs, maxRedirects: 0 }, inTime);
      await drain(answer.body);
      return this.#judged(delivery, answer);
    } catch (error) {
      signal.throwIfAborted();
      // An address that is refused today would be refused all day long.
      const isRefused = failedWith(error, 'VALIDATION_ERROR');
      const told = isRefused ? error.detail : inTime.aborted ? `no answer within ${timeoutMs} ms` : reasonOf(error);
      return { kind: 'failed', error: told, nextAt: isRefused ? undefined : this.#nextAt(delivery) };
    }
  }

  #judged(delivery: DueDelivery, { status, headers }: PublicAnswer): Sent {
    if (status >= 200 && status < 300) return { kind: 'delivered', status };
    return { kind: 'failed', status, error: `answered ${status}`, nextAt: this.#nextAt(delivery, { status, retryAfterMs: retryAfterMs(headers, this.#parts.now()) }) };
  }

  #nextAt({ attempts, createdAt }: DueDelivery, said: { readonly status?: number; readonly retryAfterMs?: number | undefined } = {}): number | undefined {
    const { now, random } = this.#parts;
    return nextTry({ attempts, createdAt, now: now(), status: said.status, retryAfterMs: said.retryAfterMs, random: random() });
  }
}

/** Reads an answer so that its server is not cut off, up to a limit, and throws it away. How it ends does not matter. */
async function drain(body: Readable): Promise<void> {
  let size = 0;
  try {
    for await (const chunk of body) {
      size += Buffer.byteLength(Buffer.isBuffer(chunk) ? chunk : String(chunk));
      if (size > limits.webhookAnswerBytes) return;
    }
  } catch {
    body.destroy();
  }
}
