/** Puts values into the graph of a template. Pure. */
import { z } from 'zod';
import { type Blueprint, type MediaInput, type MediaKind, mediaKinds, type Target, type Template, type TemplateInput } from '../../models/template.ts';
import type { Workflow } from '../../models/workflow.ts';

const Node = z.looseObject({ inputs: z.record(z.string(), z.unknown()).default({}) });

/** The graph with `values`, as `checkInputs` gives them, at all their targets; files are listed instead. The template stays as it is. */
export function render(template: Template, values: Readonly<Record<string, unknown>>): Blueprint {
  const puts: { readonly target: Target; readonly value: unknown }[] = [];
  const media: MediaInput[] = [];
  for (const [name, input] of Object.entries(template.inputs)) {
    const value = Object.hasOwn(values, name) ? values[name] : undefined;
    if (value === undefined) continue;
    if (isMedia(input)) media.push({ name, kind: input.type, source: z.string().parse(value), targets: input.targets });
    else puts.push(...input.targets.map((target) => ({ target, value })));
  }
  return { workflow: withValues(template.workflow, puts), media, outputs: template.outputs };
}

/** Whether its value is a file that the engine must have first. */
export function isMedia(input: TemplateInput): input is Extract<TemplateInput, { type: MediaKind }> {
  return mediaKinds.some((kind) => kind === input.type);
}

function withValues(workflow: Workflow, puts: readonly { readonly target: Target; readonly value: unknown }[]): Workflow {
  const byNode = Map.groupBy(puts, ({ target }) => target.node);
  return Object.fromEntries(Object.entries(workflow).map(([id, node]) => [id, withInputs(node, byNode.get(id) ?? [])]));
}

function withInputs(node: unknown, puts: readonly { readonly target: Target; readonly value: unknown }[]): unknown {
  if (puts.length === 0) return node;
  const parsed = Node.parse(node);
  return { ...parsed, inputs: { ...parsed.inputs, ...Object.fromEntries(puts.map(({ target, value }) => [target.input, value])) } };
}
