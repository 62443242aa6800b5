/** Milliseconds that an answer asks to wait: `Retry-After` in seconds or as a date (RFC 9110). Undefined when it asks for nothing. Pure. */
export function retryAfterMs(headers: Readonly<Record<string, string | undefined>>, now: number): number | undefined {
  const text = headers['retry-after']?.trim() ?? '';
  const at = /^\d+$/.test(text) ? now + Number(text) * 1_000 : Date.parse(/GMT$/.test(text) ? text : '');
  return Number.isNaN(at) ? undefined : Math.max(0, at - now);
}
