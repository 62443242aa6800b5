import { z } from 'zod';
import type { RequestHeader } from './route.ts';

export type Json = { readonly [key: string]: unknown };

const Converted = z.looseObject({ $defs: z.record(z.string(), z.record(z.string(), z.unknown())).optional(), properties: z.record(z.string(), z.record(z.string(), z.unknown())).optional(), required: z.array(z.string()).optional() });

/** zod bounds every whole number by what JavaScript can count to: readers show that bound as an example. */
function tidied(schema: z.core.JSONSchema.BaseSchema): void {
  delete schema.id;
  if (schema.minimum === Number.MIN_SAFE_INTEGER) delete schema.minimum;
  if (schema.maximum === Number.MAX_SAFE_INTEGER) delete schema.maximum;
}

/** Schemas with an id become components; the rest stands where it is used. */
export class Components {
  readonly schemas: Record<string, Json> = {};

  /**
   * What to write where the schema is used: a reference when it has an id. It is as callers send it, and as lenient
   * about more fields as the schema is; definitions move to the components.
   */
  reference(schema: z.ZodType): Json {
    const converted = z.toJSONSchema(schema, { io: 'input', unrepresentable: 'any', override: ({ jsonSchema }) => tidied(jsonSchema) });
    delete converted.$schema;
    const text = JSON.stringify(converted).replaceAll('"#/$defs/', '"#/components/schemas/');
    const { $defs = {}, ...json } = Converted.parse(JSON.parse(text));
    Object.assign(this.schemas, $defs);
    return json;
  }

  /** One entry per header. */
  headers(headers: Readonly<Record<string, RequestHeader>> = {}): Json[] {
    return Object.entries(headers).map(([name, { description, schema }]) => ({ name, in: 'header', required: false, description, schema: this.reference(schema) }));
  }

  /** One entry per property of an object schema. */
  parameters(schema: z.ZodObject | undefined, place: 'path' | 'query'): Json[] {
    if (schema === undefined) return [];
    const { properties = {}, required = [] } = Converted.parse(this.reference(schema));
    return Object.entries(properties).map(([name, { description, ...property }]) => ({
      name,
      in: place,
      required: required.includes(name),
      ...(description === undefined ? {} : { description }),
      schema: property,
    }));
  }
}
