import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { text } from 'node:stream/consumers';
import { fileURLToPath } from 'node:url';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { configFolder } from '../../tests/support/config-folder.ts';
import { startTestSandbox } from '../../tests/support/engine.ts';
import { settingsBelow } from '../../tests/support/gateway.ts';
import { type TemporaryFolder, temporaryFolder } from '../../tests/support/temporary-folder.ts';

const root = fileURLToPath(new URL('../..', import.meta.url));
let folder: TemporaryFolder;
let config: string;
beforeEach(async () => {
  folder = await temporaryFolder();
  config = await configFolder(folder.path);
});
afterEach(() => folder[Symbol.asyncDispose]());

async function start(word: string, env: Record<string, string>): Promise<{ code: number | null; said: string }> {
  const child = spawn(process.execPath, ['src/entry/main.ts', word], { cwd: root, env: { PATH: process.env['PATH'], HOME: process.env['HOME'], ...settingsBelow(folder.path), CONFIG_DIR: config, ...env }, stdio: ['ignore', 'pipe', 'pipe'] });
  const [out, err] = [text(child.stdout), text(child.stderr)];
  if (child.exitCode === null) await once(child, 'close');
  return { code: child.exitCode, said: `${await out}${await err}` };
}

const doctor = (env: Record<string, string>) => start('doctor', env);

describe('the doctor', () => {
  it('finds everything well where an instance answers and can run the templates', async () => {
    await using sandbox = await startTestSandbox();
    const { code, said } = await doctor({ COMFYUI_URLS: sandbox.url });
    expect(said).toContain('All is well.');
    expect(said).toMatch(/^ok {2}ComfyUI 127\.0\.0\.1:\d+: answers, version .*sandbox/m);
    expect(said).toMatch(/^ok {2}template say: can run on 127\.0\.0\.1:/m);
    expect(said).toContain('ok  pipeline SHRINK_AND_GROW: shrink on comfyui, then grow on comfyui');
    expect(code).toBe(0);
  });

  it('says of an instance that does not answer what to do', async () => {
    const { code, said } = await doctor({ COMFYUI_URLS: 'http://127.0.0.1:9' });
    expect(said).toMatch(/^!! {2}ComfyUI 127\.0\.0\.1:9: .*\n {5}Is ComfyUI running there/m);
    expect(said).toContain('template say: could not be checked, since no instance answers');
    expect(code).toBe(1);
  });

  it('says of a template that no instance can run why not', async () => {
    await using sandbox = await startTestSandbox();
    await writeFile(join(config, 'workflows', 'graphs', 'say.json'), JSON.stringify({ '1': { class_type: 'PrimitiveStrin', inputs: { value: '' } }, '2': { class_type: 'PreviewAny', inputs: { source: ['1', 0] } } }));
    const { code, said } = await doctor({ COMFYUI_URLS: sandbox.url });
    expect(said).toMatch(/^!! {2}template say: cannot run on any instance\n {5}node 1 \(PrimitiveStrin\): .*Did you mean "PrimitiveString"\?/m);
    expect(code).toBe(1);
  });

  it('says where a file of a template is broken', async () => {
    await writeFile(join(config, 'workflows', 'say.json'), '{"title": }');
    const { code, said } = await doctor({ COMFYUI_URLS: 'http://127.0.0.1:9' });
    expect(said).toContain('say.json');
    expect(code).toBe(1);
  });

  it('says on which line engine_config.yml is broken', async () => {
    await writeFile(join(config, 'engine_config.yml'), 'engines:\n  fast:\n    type: comfyui\n    config: { concurrency: none }\n');
    const { code, said } = await doctor({ COMFYUI_URLS: 'http://127.0.0.1:9' });
    expect(said).toMatch(/engine_config\.yml.*\b4\b/);
    expect(code).toBe(1);
  });
});

describe('a start', () => {
  it.each(['toString', 'constructor', 'servr'])('is refused for a word that is none: %s', async (word) => {
    const { code, said } = await start(word, {});
    expect(said).toContain(`"${word}" is not understood`);
    expect(code).toBe(1);
  });
});
