import { readFile, readdir } from 'node:fs/promises';
import { z } from 'zod';
import { isRecord, parseJson } from './json.ts';

/** One declared input: `config` is `[type, options]` as it appears in `input_config` of a refusal. */
export interface InputSpec {
  readonly name: string;
  readonly required: boolean;
  readonly type: unknown;
  readonly options: Readonly<Record<string, unknown>>;
}

export interface ClassInfo {
  readonly inputs: readonly InputSpec[];
  /** Names of hidden inputs (`prompt`, `extra_pnginfo`), shown in `current_inputs` of an error (ws 06). */
  readonly hidden: readonly string[];
  readonly outputs: readonly unknown[];
  readonly isOutput: boolean;
}

const Inputs = z.record(z.string(), z.array(z.unknown())).optional();
const Described = z.looseObject({
  input: z.object({ required: Inputs, optional: Inputs, hidden: z.record(z.string(), z.unknown()).optional() }),
  output: z.array(z.unknown()),
  output_node: z.boolean(),
});
const Catalogue = z.record(z.string(), Described);

/** What `/object_info` says, and the same knowledge in the form validation and execution need. */
export class Catalog {
  readonly #described: Readonly<Record<string, unknown>>;
  readonly #classes = new Map<string, ClassInfo>();

  constructor(described: Readonly<Record<string, unknown>>) {
    this.#described = described;
    for (const [name, value] of Object.entries(Catalogue.parse(described))) {
      const { required, optional, hidden } = value.input;
      this.#classes.set(name, {
        inputs: [...specs(required, true), ...specs(optional, false)],
        hidden: Object.keys(hidden ?? {}),
        outputs: value.output,
        isOutput: value.output_node,
      });
    }
  }

  static async fromFile(path: string | URL): Promise<Catalog> {
    return new Catalog(z.record(z.string(), z.unknown()).parse(parseJson(await readFile(path, 'utf8'))));
  }

  /** This catalogue and more classes; the later ones win. */
  with(described: Readonly<Record<string, unknown>>): Catalog {
    return new Catalog({ ...this.#described, ...described });
  }

  get(name: string): ClassInfo | undefined {
    return this.#classes.get(name);
  }

  /** The body of `/object_info`, or of one class (`{}` if unknown); file lists are those of now (http/info). */
  async describe(inputFolder: string, only?: string): Promise<Record<string, unknown>> {
    const chosen = only === undefined ? Object.entries(this.#described) : Object.entries(this.#described).filter(([name]) => name === only);
    const files = await topLevelPictures(inputFolder);
    return Object.fromEntries(chosen.map(([name, value]) => [name, withFiles(value, files)]));
  }
}

function specs(declared: Record<string, unknown[]> | undefined, required: boolean): InputSpec[] {
  return Object.entries(declared ?? {}).map(([name, [type, options]]) => ({ name, required, type, options: isRecord(options) ? options : {} }));
}

const PICTURE = /\.(png|jpe?g|webp|gif|bmp|tiff?|avif|svg|ico)$/i;

/** Pictures by their name only: an empty `fake.png` is listed, `notes.txt` is not (http/info). */
async function topLevelPictures(folder: string): Promise<string[]> {
  const entries = await readdir(folder, { withFileTypes: true });
  return entries.filter((entry) => entry.isFile() && PICTURE.test(entry.name)).map((entry) => entry.name).sort((a, b) => (a < b ? -1 : 1));
}

/** Replaces the option list of every input marked `image_upload` by the files there are. */
function withFiles(described: unknown, files: string[]): unknown {
  if (!isRecord(described) || !isRecord(described['input']) || !isRecord(described['input']['required'])) return described;
  const required = Object.entries(described['input']['required']).map(([name, config]): [string, unknown] => {
    const options: unknown = Array.isArray(config) ? config[1] : undefined;
    return [name, isRecord(options) && options['image_upload'] === true ? [files, options] : config];
  });
  return { ...described, input: { ...described['input'], required: Object.fromEntries(required) } };
}
