/** What engines take that run something of their own. Pure. */
import { type EngineEntry, hubInput } from '../../models/engine-config.ts';
import type { Template, TemplateInput } from '../../models/template.ts';

/** The inputs of the engine, as those of a template without a graph; undefined for an engine that runs templates. */
export function formOf(name: string, { type, description, config }: EngineEntry): Template | undefined {
  if (type !== 'runninghub') return undefined;
  const inputs = Object.entries(config.inputs).flatMap(([input, entry]): [string, TemplateInput][] => {
    const declared = hubInput(input, entry);
    return declared ? [[input, declared]] : [];
  });
  return { name, title: description ?? name, description: description ?? '', workflow: {}, inputs: Object.fromEntries(inputs), outputs: config.outputs };
}
