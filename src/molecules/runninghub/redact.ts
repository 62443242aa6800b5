/** Takes the key, and what else opens doors, out of everything that RunningHub and the libraries say. Pure. */

export const hidden = '[redacted]';

export type Redact = (text: string) => string;

/** A shorter key is no secret, but would be found everywhere. */
const SHORTEST_KEY = 8;

/** Addresses of progress sockets hold a signature that is good for days. */
const socketAddress = /wss?:(?:\\?\/){2}[^\s"'<>]*/gi;
const socketSignature = /rh-comfy-auth(?:=|%3D|["'\s:]{1,8})[^&\s"'<>]*/gi;

/** The key is found as it is, as part of an address, and in either case of letters. */
export function redactorOf(key: string, shortest = SHORTEST_KEY): Redact {
  const forms = key.length < shortest ? [] : [...new Set([key, encodeURIComponent(key), JSON.stringify(key).slice(1, -1)])];
  const pattern = forms.length > 0 ? new RegExp(forms.map((form) => RegExp.escape(form)).join('|'), 'gi') : undefined;
  return (text) => {
    const clean = pattern ? text.replace(pattern, hidden) : text;
    return clean.replace(socketAddress, hidden).replace(socketSignature, `Rh-Comfy-Auth=${hidden}`);
  };
}

/** Fields whose value is a secret as a whole, whatever it looks like. */
const secretFields = new Set(['curl', 'netwssurl', 'rh-comfy-auth', 'apikey', 'userapikey']);

/** A copy of parsed JSON without secrets, names of fields included. Long numbers stay as they are. */
export function cleansed(value: unknown, redact: Redact): unknown {
  if (typeof value === 'string') return redact(value);
  if (JSON.isRawJSON(value)) return redact(value.rawJSON) === value.rawJSON ? value : hidden;
  if (typeof value !== 'object' || value === null) return value;
  if (Array.isArray(value)) return value.map((one) => cleansed(one, redact));
  return Object.fromEntries(Object.entries(value).map(([name, one]) => [redact(name), secretFields.has(name.toLowerCase()) && one !== null ? hidden : cleansed(one, redact)]));
}
