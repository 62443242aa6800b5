/** YAML 1.2 with the line of everything in it. Integers beyond 2^53 become `JSON.rawJSON` values, as the lossless JSON parser has them. */
import { type Document, isAlias, isMap, isScalar, isSeq, LineCounter, parseDocument } from 'yaml';
import { reasonOf } from '../../core/errors.ts';

export interface YamlFault {
  readonly line: number;
  readonly text: string;
}

type Path = readonly PropertyKey[];

/** Where `faults` is not empty there is no value worth reading. */
export interface YamlFile {
  readonly value: unknown;
  readonly faults: readonly YamlFault[];
  readonly warnings: readonly YamlFault[];
  /** Line of the key or entry at that place; where it is not there, of the nearest thing around it. */
  lineOf(path: Path): number;
  /** Whether the value at that place is written without quotes. */
  isPlain(path: Path): boolean;
}

/** Parses one document. A key that stands twice is a fault. Never throws. */
export function parseYaml(text: string): YamlFile {
  const lines = new LineCounter();
  const document = parseDocument(text, { lineCounter: lines, prettyErrors: false, intAsBigInt: true });
  const lineAt = (offset: number): number => Math.max(lines.linePos(Math.min(offset, text.length)).line, 1);
  const told = ({ code, message, pos }: { code: string; message: string; pos: [number, number] }): YamlFault => ({
    line: lineAt(pos[0]),
    text: code === 'DUPLICATE_KEY' ? `the key "${keyAt(text, pos[0])}" stands there twice` : message,
  });
  const faults = document.errors.map(told);
  const { value, fault } = faults.length > 0 ? { value: undefined } : valueOf(document);
  return {
    value,
    faults: fault === undefined ? faults : [{ line: 1, text: fault }],
    warnings: document.warnings.map(told),
    lineOf: (path) => lineAt(find(document, path).offset),
    isPlain: (path) => find(document, path).plain,
  };
}

const keyAt = (text: string, offset: number): string => /^[^\s:]*/.exec(text.slice(offset, offset + 200))?.[0] ?? '';

/** A document may refer to its own parts so often that it would not end: the library refuses that. */
function valueOf(document: Document): { readonly value: unknown; readonly fault?: string } {
  try {
    return { value: document.toJS({ reviver: (_key: unknown, value: unknown) => (typeof value === 'bigint' ? integer(value) : value) }) as unknown };
  } catch (error) {
    return { value: undefined, fault: reasonOf(error) };
  }
}

const integer = (value: bigint): unknown => (BigInt(Number(value)) === value && Number.isSafeInteger(Number(value)) ? Number(value) : JSON.rawJSON(String(value)));

/** Walks down as far as the path leads. */
function find(document: Document, path: Path): { readonly offset: number; readonly plain: boolean } {
  let node: unknown = document.contents;
  let offset = offsetOf(node) ?? 0;
  for (const key of path) {
    const next = child(isAlias(node) ? node.resolve(document) : node, key);
    if (!next) return { offset, plain: false };
    offset = next.offset ?? offset;
    node = next.node;
  }
  return { offset, plain: isScalar(node) && node.type === 'PLAIN' };
}

function child(node: unknown, key: PropertyKey): { readonly node: unknown; readonly offset: number | undefined } | undefined {
  if (isSeq(node)) return key in node.items ? { node: node.items[Number(key)], offset: offsetOf(node.items[Number(key)]) } : undefined;
  const pair = isMap(node) ? node.items.find((one) => nameOf(one.key) === String(key)) : undefined;
  return pair && { node: pair.value, offset: offsetOf(pair.key) };
}

const nameOf = (key: unknown): string | undefined => (isScalar(key) ? String(key.value) : undefined);

const offsetOf = (node: unknown): number | undefined =>
  typeof node === 'object' && node !== null && 'range' in node && Array.isArray(node.range) && typeof node.range[0] === 'number' ? node.range[0] : undefined;
