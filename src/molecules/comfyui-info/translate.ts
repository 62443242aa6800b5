/** From ComfyUI's words about its nodes to ours. Pure. A server has thousands of nodes: equal lists are kept once. */
import { limits } from '../../constants/limits.ts';
import type { InputDeclaration, NodeDeclaration, NodeDeclarations } from '../../models/node-declaration.ts';
import type { ObjectInfo } from './wire.ts';

type NodeInfo = ObjectInfo[string];
/** The list that was seen first with these texts. */
type Share = (texts: readonly string[]) => readonly string[];

export function declarationsOf(info: ObjectInfo): NodeDeclarations {
  const seen = new Map<string, readonly string[]>();
  const share: Share = (texts) => {
    const key = texts.join('\n');
    const first = seen.get(key) ?? texts;
    if (first === texts) seen.set(key, texts);
    return first;
  };
  return new Map(Object.entries(info).map(([name, node]) => [name, nodeDeclarationOf(node, share)]));
}

function nodeDeclarationOf({ input, output, output_node: outputNode }: NodeInfo, share: Share): NodeDeclaration {
  const inputs = new Map(Object.entries({ ...input.optional, ...input.required }).map(([name, value]) => [name, declarationOf(value, Object.hasOwn(input.required, name), share)]));
  return { inputs, outputNode, ...(output ? { outputs: share(output.map((type) => (typeof type === 'string' ? type : 'COMBO'))) } : {}) };
}

/** Both shapes of an input (`http/object_info.json`): a list of values, or a type name with options. */
function declarationOf(input: readonly unknown[], required: boolean, share: Share): InputDeclaration {
  const [type, options] = input;
  const settings: Readonly<Record<string, unknown>> = typeof options === 'object' && options !== null ? { ...options } : {};
  const upload = Object.entries(settings).some(([name, value]) => name.endsWith('_upload') && value === true);
  const values: readonly unknown[] | undefined = Array.isArray(type) ? type : Array.isArray(settings['options']) ? settings['options'] : undefined;
  const texts = values?.filter((value): value is string => typeof value === 'string');
  const open = texts?.length !== values?.length || ['remote', 'remote_combo', 'multiselect', 'multi_select'].some((name) => Boolean(settings[name]));
  const [min, max, filled] = [numberOf(settings['min']), numberOf(settings['max']), plainOf(settings['default'])];
  return {
    type: typeof type === 'string' ? type : 'COMBO',
    options: texts && share(texts),
    upload,
    required,
    ...(open ? { open } : {}),
    ...(min === undefined ? {} : { min }),
    ...(max === undefined ? {} : { max }),
    ...(filled === undefined ? {} : { default: filled }),
  };
}

/** A limit beyond every number (`1e400`) is none. */
function numberOf(value: unknown): number | bigint | undefined {
  if (JSON.isRawJSON(value)) return /^-?\d{1,400}$/.test(value.rawJSON) ? BigInt(value.rawJSON) : undefined;
  return typeof value === 'number' && Number.isFinite(value) ? value : undefined;
}

function plainOf(value: unknown): InputDeclaration['default'] {
  if (typeof value === 'string') return value.length > limits.told ? undefined : value;
  return typeof value === 'boolean' ? value : numberOf(value);
}
