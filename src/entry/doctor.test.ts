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

  it('says which variable was probably meant by one that is no setting', async () => {
    await using sandbox = await startTestSandbox();
    const { code, said } = await doctor({ COMFYUI_URLS: sandbox.url, WEBHOOK_SECRT: 'x' });
    expect(said).toMatch(/^!! {2}settings: WEBHOOK_SECRT is no setting; did you mean WEBHOOK_SECRET\?/m);
    expect(code).toBe(1);
  });

  it('says of a template that no instance can run why not', async () => {
    await using sandbox = await startTestSandbox();
    await writeFile(join(config, 'workflows', 'graphs', 'say.json'), JSON.stringify({ '1': { class_type: 'PrimitiveStrin', inputs: { value: '' } }, '2': { class_type: 'PreviewAny', inputs: { source: ['1', 0] } } }));
    const { code, said } = await doctor({ COMFYUI_URLS: sandbox.url });
    expect(said).toMatch(/^!! {2}template say: cannot run on any instance\n {5}node 1 \(PrimitiveStrin\): .*Did you mean "PrimitiveString"\?/m);
    expect(code).toBe(1);
  });

  it('says of a target which its node does not have that what callers give is lost, also where they may leave it out', async () => {
    await using sandbox = await startTestSandbox();
    const inputs = { image: { type: 'image', targets: [{ node: '1', input: 'imag' }] }, size: { type: 'integer', required: false, min: 16, targets: [{ node: '2', input: 'height' }, { node: '2', input: 'widht' }] } };
    await writeFile(join(config, 'workflows', 'shrink.json'), JSON.stringify({ title: 'Shrink', graph: 'graphs/shrink.json', inputs }));
    const graph = { '1': { class_type: 'LoadImage', inputs: { image: 'example.png' } }, '2': { class_type: 'ImageScale', inputs: { image: ['1', 0], upscale_method: 'bilinear', width: 16, height: 16, crop: 'disabled' } }, '3': { class_type: 'SaveImage', inputs: { images: ['2', 0], filename_prefix: 'x' } } };
    await writeFile(join(config, 'workflows', 'graphs', 'shrink.json'), JSON.stringify(graph));
    const { code, said } = await doctor({ COMFYUI_URLS: sandbox.url });
    const [, ...lines] = /^!! {2}template shrink: can run on 127\.0\.0\.1:\d+, but not with all that callers give\n {5}(.*)\n {5}(.*)\n/m.exec(said) ?? [];
    expect(lines).toEqual([
      'inputs.image.targets[0].input: node 1 (LoadImage) has no input "imag"; it has: image. ComfyUI ignores it, unless the node takes what it does not declare. Did you mean "image"?',
      'inputs.size.targets[1].input: node 2 (ImageScale) has no input "widht"; it has: image, upscale_method, width, height, crop. ComfyUI ignores it, unless the node takes what it does not declare. Did you mean "width"?',
    ]);
    expect(said).toMatch(/^ok {2}template say:/m);
    expect(code).toBe(1);
  });

  it('says of all that is broken in files where it is, and looks at the rest in spite of it', async () => {
    await using sandbox = await startTestSandbox();
    await writeFile(join(config, 'workflows', 'say.json'), '{"title": }');
    const step = (template: string, inputs: string) => `{ engine: comfyui, template: ${template}, inputs: ${inputs} }`;
    await writeFile(join(config, 'engine_config.yml'), `pipelines:\n  one:\n    steps:\n      a: ${step('say', '{ text: x }')}\n      b: ${step('upscale', '{ image: x, factr: 2 }')}\n`);
    const { code, said } = await doctor({ COMFYUI_URLS: sandbox.url });
    expect(said).not.toContain('does not start');
    expect(said.split('\n').slice(0, 4)).toEqual([
      'comfyui-gateway would not start:',
      expect.stringMatching(/^ {2}\S+say\.json: line 1, column 11: it is not JSON/),
      expect.stringMatching(/^ {2}\S+engine_config\.yml:5: pipelines\.one\.steps\.b\.inputs\.factr: template "upscale" has no such input; nearest: factor; allowed: image, factor/),
      '',
    ]);
    expect(said).toMatch(/^ok {2}settings: /m);
    expect(said).toMatch(/^ok {2}ComfyUI 127\.0\.0\.1:\d+: answers/m);
    expect(said).toMatch(/^ok {2}template upscale: can run/m);
    expect(said).not.toContain('All is well');
    expect(code).toBe(1);
  });

  it('says of settings that would stop a start that it would not, and looks at the instances all the same', async () => {
    await using sandbox = await startTestSandbox();
    const { code, said } = await doctor({ COMFYUI_URLS: sandbox.url, FETCH_ALLOWED_HOSTS: 'http://nonsense/' });
    expect(said).toMatch(/^comfyui-gateway would not start:\n {2}FETCH_ALLOWED_HOSTS is "http:\/\/nonsense\/"/);
    expect(said).toMatch(/^!! {2}settings: see above$/m);
    expect(said).toMatch(/^ok {2}ComfyUI 127\.0\.0\.1:\d+: answers/m);
    expect(code).toBe(1);
    const unread = await doctor({ PORT: 'many' });
    expect(unread.said).toMatch(/^comfyui-gateway would not start:\n {2}PORT is "many"/);
  });
});

describe('a start', () => {
  it.each(['toString', 'constructor', 'servr'])('is refused for a word that is none: %s', async (word) => {
    const { code, said } = await start(word, {});
    expect(said).toContain(`"${word}" is not understood`);
    expect(code).toBe(1);
  });
});
