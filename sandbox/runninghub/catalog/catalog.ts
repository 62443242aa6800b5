import { z } from 'zod';

/** An input of an AI app that its caller may set, as apiCallDemo lists it. */
export interface AppInput {
  readonly nodeId: string;
  readonly nodeName: string;
  readonly fieldName: string;
  /** The value it has when nobody sets it. */
  readonly fieldValue: string;
  /** JSON text in one of several grammars. */
  readonly fieldData: string | null;
  readonly fieldType: string;
  readonly description: string;
  readonly descriptionCn: string | null;
  readonly descriptionEn: string | null;
}

export interface WebApp {
  readonly id: string;
  readonly name: string;
  /** HTML. */
  readonly description: string;
  readonly descriptionEn: string;
  readonly inputs: readonly AppInput[];
  readonly password?: string;
  /** What it makes, unless the knobs say otherwise. */
  readonly makes?: 'text';
}

const GraphNode = z.looseObject({ class_type: z.string(), inputs: z.record(z.string(), z.unknown()) });
/** A graph in the API format of ComfyUI. */
export const Graph = z.record(z.string(), GraphNode);
export type Graph = z.infer<typeof Graph>;

export interface Workflow {
  readonly id: string;
  readonly graph: Graph;
  /** Saved, and run once on the web: only then the API runs it. Default true. */
  readonly ready?: boolean;
  readonly password?: string;
  /** Input names of the alt-v1 dialect → where they go. */
  readonly altInputs?: Readonly<Record<string, { readonly nodeId: string; readonly fieldName: string }>>;
}

export interface Catalog {
  readonly webapps: readonly WebApp[];
  readonly workflows: readonly Workflow[];
}

/** File names that model inputs take beside their default. */
export const MODELS: readonly string[] = ['dreamshaper_8.safetensors', 'sd_xl_base_1.0.safetensors', '风格化三维-3D_v1.0.safetensors', 'sandbox-lora.safetensors'];
