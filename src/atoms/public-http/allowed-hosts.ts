/**
 * The operator's list of what callers may name. Pure. An entry is one of these, each with an optional `:port`:
 *
 * - `*`: every public address. Not `localhost`, `*.local`, `*.internal` and names that end in a dot.
 * - `*.example.org`: the names below it, where they lead to public addresses: whoever may add a name there must not open the house.
 * - `example.org`: that name, wherever it leads: whoever writes it down trusts it.
 * - `10.0.0.5`, `[::1]`, `10.0.0.0/8`, `[fd00::/8]`: those addresses, by number or by any name that is not local. `0.0.0.0/0` is all of IPv4.
 */
import { limits } from '../../constants/limits.ts';
import { type Address, addressOf, bareHost, isLocalName, isPublic, isWithin, type Network } from './address.ts';

export interface Target {
  /** A name, or an address without brackets, as a WHATWG URL spells it. */
  readonly host: string;
  readonly port: number;
}

interface Rule {
  readonly port: number | undefined;
  readonly what: { readonly kind: 'all' } | { readonly kind: 'below' | 'name'; readonly name: string } | { readonly kind: 'network'; readonly network: Network };
}

export class AllowedHosts {
  readonly #rules: readonly Rule[];
  readonly #name: string;

  /** Made by `parseAllowedHosts`. */
  constructor(rules: readonly Rule[], name: string) {
    this.#rules = rules;
    this.#name = name;
  }

  /** Why nothing there may be reached, wherever the name leads; undefined when its addresses decide. */
  refusesHost(target: Target): string | undefined {
    const address = addressOf(target.host);
    if (address) return this.refusesAddress(target, target.host);
    const rules = this.#at(target.port);
    if (rules.some((rule) => isNamedBy(rule, target.host))) return undefined;
    if (isLocalName(target.host)) return `has a local name, which is not in ${this.#name}`;
    return rules.some(({ what }) => what.kind === 'all' || what.kind === 'network') ? undefined : `is not in ${this.#name}`;
  }

  /** Why this address, to which the target leads, may not be reached; undefined when it may. */
  refusesAddress(target: Target, text: string): string | undefined {
    const address = addressOf(text);
    if (!address) return 'leads to what is no address';
    const isOpen = isPublic(address);
    if (this.#at(target.port).some((rule) => permits(rule, target.host, { address, isOpen }))) return undefined;
    const flaw = isOpen ? `is not in ${this.#name}` : `is not public and not in ${this.#name}`;
    return addressOf(target.host) ? flaw : `leads to ${text}, which ${flaw}`;
  }

  #at(port: number): readonly Rule[] {
    return this.#rules.filter((rule) => rule.port === undefined || rule.port === port);
  }
}

function isNamedBy({ what }: Rule, host: string): boolean {
  if (what.kind === 'name') return host === what.name;
  return what.kind === 'below' && host.endsWith(`.${what.name}`);
}

function permits(rule: Rule, host: string, { address, isOpen }: { readonly address: Address; readonly isOpen: boolean }): boolean {
  const { what } = rule;
  switch (what.kind) {
    case 'all': return isOpen;
    case 'below': return isOpen && isNamedBy(rule, host);
    case 'name': return isNamedBy(rule, host);
    case 'network': return isWithin(address, what.network);
    default: return what satisfies never;
  }
}

/** Reads the list, or says in words which entry is wrong and what is allowed. `name`: what refusals call the list, as the variable that sets it. */
export function parseAllowedHosts(list: readonly string[], name = 'the list of allowed hosts'): { readonly list: AllowedHosts; readonly fault?: never } | { readonly fault: string; readonly list?: never } {
  const rules = list.map((entry) => ruleOf(entry.trim()));
  const wrong = rules.indexOf(undefined);
  if (wrong >= 0) {
    return { fault: `"${(list[wrong] ?? '').slice(0, limits.told)}" is none of *, example.org, *.example.org, 10.0.0.5, [::1], 10.0.0.0/8 or [fd00::/8], each with an optional :port` };
  }
  return { list: new AllowedHosts(rules.filter((rule) => rule !== undefined), name) };
}

function ruleOf(entry: string): Rule | undefined {
  const [, host = entry, digits] = /^(\[.+\]|[^:]+)(?::(\d{1,5}))?$/.exec(entry) ?? [];
  const port = digits === undefined ? undefined : Number(digits);
  const what = whatOf(host);
  return what === undefined || port === 0 || (port ?? 0) > 65_535 ? undefined : { port, what };
}

function whatOf(host: string): Rule['what'] | undefined {
  if (host === '*') return { kind: 'all' };
  const network = networkOf(bareHost(host));
  if (network) return { kind: 'network', network };
  const [kind, spelled] = host.startsWith('*.') ? ['below' as const, host.slice(2)] : ['name' as const, host];
  const name = nameOf(spelled);
  return name === undefined ? undefined : { kind, name };
}

/** A single address is a network of its own. A length that the family does not have is none. */
function networkOf(text: string): Network | undefined {
  const [, base = text, length] = /^([^/]+)\/(\d{1,3})$/.exec(text) ?? [];
  const address = addressOf(base);
  if (!address || (length === undefined && text.includes('/'))) return undefined;
  const most = address.kind() === 'ipv4' ? 32 : 128;
  const bits = length === undefined ? most : Number(length);
  return bits <= most ? [address, bits] : undefined;
}

/** As a URL spells it: in lower case, in ASCII. Undefined for what is no name, numbers in disguise (`127.1`) among it. */
function nameOf(text: string): string | undefined {
  if (!/^[^\s/\\@?#:*%[\]]+$/.test(text) || !URL.canParse(`http://${text}/`)) return undefined;
  const { hostname } = new URL(`http://${text}/`);
  return addressOf(bareHost(hostname)) || /^\.|\.\./.test(hostname) ? undefined : hostname;
}
