/** A CONFIG_DIR of a test: the templates of the house and one that shows a text, and pipelines of its own. */
import { cp, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { stringify } from 'yaml';
import { words } from './graphs.ts';

const shipped = fileURLToPath(new URL('../../config/workflows', import.meta.url));

/** Pipelines that need no model. */
export const plainPipelines = {
  shrink_and_grow: {
    steps: {
      shrink: { engine: 'comfyui', template: 'resize', inputs: { image: '${input.image}', width: '${input.width:-16}', height: '${input.height:-16}' } },
      grow: { engine: 'comfyui', template: 'upscale', inputs: { image: '${steps.shrink.outputs[0]}', factor: '${input.factor:-2}' } },
    },
  },
};

/** A template with one text, which is what comes out. */
const say = { title: 'Say', graph: 'graphs/say.json', inputs: { text: { type: 'string', targets: [{ node: '1', input: 'value' }] } } };

/** Writes it below `folder` and answers its path. */
export async function configFolder(folder: string, written: { readonly engines?: unknown; readonly pipelines?: unknown } = { pipelines: plainPipelines }): Promise<string> {
  const path = join(folder, 'config');
  await cp(shipped, join(path, 'workflows'), { recursive: true });
  await writeFile(join(path, 'workflows', 'say.json'), JSON.stringify(say));
  await writeFile(join(path, 'workflows', 'graphs', 'say.json'), JSON.stringify(words('')));
  await writeFile(join(path, 'engine_config.yml'), stringify(written));
  return path;
}
