import { describe, expect, it } from 'vitest';
import { fileName, isAnnotatedFile, isPlain, leadsOut, pathName } from './names.ts';

describe('the name of a file', () => {
  it.each([
    ['photo.png', { filename: 'photo.png', subfolder: '', type: 'input' }],
    ['a/b/photo.png', { filename: 'photo.png', subfolder: 'a/b', type: 'input' }],
    ['ComfyUI_00001_.png [output]', { filename: 'ComfyUI_00001_.png', subfolder: '', type: 'output' }],
    ['x/y.png [temp]', { filename: 'y.png', subfolder: 'x', type: 'temp' }],
    ['y.png [input]', { filename: 'y.png', subfolder: '', type: 'input' }],
    ['odd [name].png', { filename: 'odd [name].png', subfolder: '', type: 'input' }],
  ])('%s is read as ComfyUI does', (text, ref) => {
    expect(fileName(text).ref).toEqual(ref);
  });

  it.each(['a.png', 'a/b.png', 'a.png [output]', 'a/b.png [temp]', 'odd [name].png', '..a.png', 'a..b.png', '😀 ☃.png', 'a~b.png', 'noext'])('%s is plain', (text) => {
    expect(isPlain(text)).toBe(true);
  });

  it.each([
    '../output/a.png', 'a/../../output/a.png', './a.png', 'a//b.png', '/etc/a.png', 'a\\b.png', '', 'a/..', '.. [output]', `${'./'.repeat(600)}a.png`, `${'a/'.repeat(3_000)}a.png`,
    'a.pngX[output]', 'a.png[temp]', 'a.png [output] [input]', 'a.png\t[output]', 'a.png\n[output]', 'a.png\u00a0[output]', 'a.png [OUTPUT]',
    'a.png.', 'a.png ', ' a.png', '"a.png"', 'a.png::$DATA', 'C:a.png', 'ABCDEF~1.PNG', 'a.png\0',
  ])('%j is not plain: it may lead elsewhere than it seems', (text) => {
    expect(isPlain(text)).toBe(false);
  });
});

describe('a bracket behind a file', () => {
  it.each(['a.png [output]', 'a.png[output]', 'a.pngX[output]', 'a.png😀[output]', 'a.png\n[temp]', ' "x/a.mp4 [input]" ', 'a.latent [OUTPUT]'])('is found in %j', (text) => {
    expect(isAnnotatedFile(text)).toBe(true);
  });

  it.each(['a lighthouse [output]', 'a.png', '[output] a.png', 'see a.png for the [output]'])('is not found in %j', (text) => {
    expect(isAnnotatedFile(text)).toBe(false);
  });
});

describe('a path', () => {
  it.each(['/a/b.png', '\\a', '../a', 'a/../b', 'a\\..\\b', 'C:\\a', 'c:a', '~/a', ' "/a" ', '..'])('%j leads out of its folder', (text) => {
    expect(leadsOut(text)).toBe(true);
  });

  it.each(['a/b.png', '..a', 'a..', 'SDXL\\model', '16:9', '', '.', 'a...b'])('%j does not', (text) => {
    expect(leadsOut(text)).toBe(false);
  });

  it.each([
    ['/comfyui/output/x/a.png', { filename: 'a.png', folders: ['comfyui', 'output', 'x'] }],
    ['C:\\ui\\output\\a.png', { filename: 'a.png', folders: ['ui', 'output'] }],
    [' "./x//y/../a.png " ', { filename: 'a.png', folders: ['x'] }],
    ['a.png::$DATA', { filename: 'a.png', folders: [] }],
    ['a.png. .', { filename: 'a.png', folders: [] }],
    ['x/a.png [output]', { filename: 'a.png', folders: ['x'] }],
    ['clip.7z', { filename: 'clip.7z', folders: [] }],
  ])('%j ends in a file', (text, path) => {
    expect(pathName(text)).toEqual(path);
  });

  it.each(['euler', 'a/b', 'model.safetensors', 'SDXL/base.ckpt', 'best quality.', 'version 1.5', ''])('%j ends in none that belongs to somebody', (text) => {
    expect(pathName(text)).toBeUndefined();
  });

  it('is found behind a way of any length', () => {
    expect(pathName(`${'./'.repeat(2_000_000)}a.png`)?.filename).toBe('a.png');
  });
});

it('costs each letter once: a million spaces or dots are read in no time', () => {
  const begun = performance.now();
  for (const text of [`${' '.repeat(1_000_000)}x`, `x${' '.repeat(1_000_000)}x`, `${'.'.repeat(1_000_000)}x`, `${'~1'.repeat(500_000)}x`, `${'['.repeat(1_000_000)}x`, `${'../'.repeat(300_000)}x`]) {
    isPlain(text);
    leadsOut(text);
    pathName(text);
    isAnnotatedFile(text);
    fileName(text);
  }
  expect(performance.now() - begun).toBeLessThan(2_000);
});
