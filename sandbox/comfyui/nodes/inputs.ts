import { z } from 'zod';
import type { Batch, NodeClass, NodeContext, NodeInputs, NodeResult, Picture } from '../node.ts';
import { NodeFailure } from '../node.ts';

const Frame = z.object({
  width: z.number(),
  height: z.number(),
  channels: z.literal([1, 3, 4]),
  data: z.instanceof(Float32Array),
});

const isFrame = (value: unknown): value is Picture => Frame.safeParse(value).success;
const isBatch = (value: unknown): value is Batch => Array.isArray(value) && value.length > 0 && value.every(isFrame);

/** IMAGE or MASK: at least one frame. */
export const frames = z.custom<Batch>(isBatch);

/** INT within what a JavaScript number holds exactly. */
export const int = z.union([z.int(), z.bigint().transform(Number)]);

/** FLOAT; NaN is let through, as the original does. */
export const float = z.union([z.number(), z.nan(), z.bigint().transform(Number)]);

/** INT up to 2^64-1, every digit kept. */
export const seed = z.union([z.bigint(), z.int().transform(BigInt)]);

export const text = z.string();
export const flag = z.boolean();

const PYTHON_NAMES: Readonly<Record<string, string>> = { string: 'str', boolean: 'bool', number: 'float', bigint: 'int', undefined: 'NoneType' };

/** What Python would call the type of a value; for messages. */
const pythonType = (value: unknown): string => {
  if (typeof value === 'number' && Number.isInteger(value)) return 'int';
  return PYTHON_NAMES[typeof value] ?? (Array.isArray(value) ? 'list' : 'dict');
};

/** A missing input and a plain value where a link is required both pass validation and end here. */
const refusal = (inputs: NodeInputs, name: string): NodeFailure => {
  if (!(name in inputs)) return new NodeFailure('TypeError', `missing 1 required positional argument: '${name}'`);
  return new NodeFailure('AttributeError', `'${pythonType(inputs[name])}' object cannot be used as input '${name}'`);
};

/** Inputs by the node's own declaration; unknown ones are ignored, unfit ones are a `NodeFailure`. */
export const readInputs = <Shape extends z.ZodRawShape>(shape: z.ZodObject<Shape>, inputs: NodeInputs): z.output<z.ZodObject<Shape>> => {
  const parsed = shape.safeParse(inputs);
  if (parsed.success) return parsed.data;
  throw refusal(inputs, String(parsed.error.issues[0]?.path[0] ?? '?'));
};

/** A node from the shape of its inputs and what it does with them. */
export const node = <Shape extends z.ZodRawShape>(
  shape: Shape,
  run: (inputs: z.output<z.ZodObject<Shape>>, context: NodeContext) => NodeResult | Promise<NodeResult>,
): NodeClass => {
  const schema = z.object(shape);
  return { run: async (inputs, context) => run(readInputs(schema, inputs), context) };
};

/** One value per output slot. */
export const answer = (...outputs: unknown[]): NodeResult => ({ outputs });

/** Nodes of one family by class name. */
export type Family = Readonly<Record<string, NodeClass>>;
