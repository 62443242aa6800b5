/** Signatures of webhooks as Standard Webhooks 1.0 has them (github.com/standard-webhooks/standard-webhooks). Pure. */
import { createHmac } from 'node:crypto';

const PREFIX = 'whsec_';
/** Bytes of a key, by the specification. */
const [SHORTEST, LONGEST] = [24, 64] as const;

export interface Signed {
  /** The same at every try of the message: receivers know by it what they have had. */
  readonly id: string;
  /** Milliseconds since 1970 of this try. */
  readonly at: number;
  /** To the byte as it is sent. */
  readonly body: string;
}

/** The headers that say which message this is and, where there is a key, that it is ours. */
export function webhookHeaders({ id, at, body }: Signed, key: Buffer | undefined): Record<string, string> {
  const timestamp = String(Math.floor(at / 1_000));
  const headers = { 'webhook-id': id, 'webhook-timestamp': timestamp };
  if (!key) return headers;
  return { ...headers, 'webhook-signature': `v1,${createHmac('sha256', key).update(`${id}.${timestamp}.${body}`).digest('base64')}` };
}

/**
 * The key in a secret, or what is wrong with the secret. `whsec_` is followed by the key in base64, and is what receivers give
 * to their library. Without `whsec_` the characters themselves (as UTF-8) are the key: libraries of Standard Webhooks take it
 * as base64, so receivers give them the base64 of the secret.
 */
export function parseSecret(secret: string): { readonly key: Buffer; readonly fault?: never } | { readonly fault: string; readonly key?: never } {
  const isSpelled = secret.startsWith(PREFIX);
  const text = secret.slice(PREFIX.length);
  if (isSpelled && !/^[A-Za-z0-9+/]+={0,2}$/.test(text)) return { fault: `after ${PREFIX} there must be base64` };
  const key = isSpelled ? Buffer.from(text, 'base64') : Buffer.from(secret, 'utf8');
  if (key.length >= SHORTEST && key.length <= LONGEST) return { key };
  return { fault: `it must have ${SHORTEST} to ${LONGEST} bytes${isSpelled ? ` in base64 after ${PREFIX}` : ''}, and has ${key.length}` };
}
