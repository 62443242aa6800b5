import type { InputDeclaration, NodeDeclarations } from '../../models/node-declaration.ts';
import type { ObjectInfo } from './wire.ts';

/** Both shapes of an input (`http/object_info.json`): a list of values, or a type name with options. Pure. */
function declarationOf(input: readonly unknown[]): InputDeclaration {
  const [type, options] = input;
  const settings: Readonly<Record<string, unknown>> = typeof options === 'object' && options !== null ? { ...options } : {};
  const upload = Object.entries(settings).some(([name, value]) => name.endsWith('_upload') && value === true);
  const values = Array.isArray(type) ? type : Array.isArray(settings['options']) ? settings['options'] : undefined;
  return {
    type: typeof type === 'string' ? type : 'COMBO',
    options: values?.filter((value): value is string => typeof value === 'string'),
    upload,
  };
}

export function declarationsOf(info: ObjectInfo): NodeDeclarations {
  return new Map(
    Object.entries(info).map(([name, node]) => {
      const inputs = Object.entries({ ...node.input.optional, ...node.input.required });
      return [name, { inputs: new Map(inputs.map(([input, value]) => [input, declarationOf(value)])), outputNode: node.output_node }];
    }),
  );
}
