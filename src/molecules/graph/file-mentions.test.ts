import { describe, expect, it } from 'vitest';
import { limits } from '../../constants/limits.ts';
import type { InputDeclaration, NodeDeclarations } from '../../models/node-declaration.ts';
import { fileMentions } from './file-mentions.ts';

const declared = (type: string, more: Partial<InputDeclaration> = {}): InputDeclaration => ({ type, options: undefined, upload: false, required: false, ...more });
const nodes = (classes: Readonly<Record<string, Readonly<Record<string, InputDeclaration>>>>): NodeDeclarations =>
  new Map(Object.entries(classes).map(([name, inputs]) => [name, { outputNode: false, inputs: new Map(Object.entries(inputs)) }]));

const server = nodes({
  LoadImage: { image: declared('COMBO', { options: [], upload: true }) },
  LoadLatent: { latent: declared('COMBO', { options: ['mine.latent', 'SDXL\\odd', '/offered'] }) },
  LoadImageDataSetFromFolder: { folder: declared('COMBO', { options: ['photos'] }) },
  SaveImageDataSetToFolder: { folder_name: declared('STRING') },
  ModelSampling: { folder: declared('COMBO', { options: ['a'] }) },
  PrimitiveString: { value: declared('STRING') },
  WebcamCapture: { image: declared('WEBCAM') },
  ImageEdit: { image: declared('IMAGE', { upload: true }) },
});

const mentions = (class_type: string, inputs: Record<string, unknown>, all: readonly NodeDeclarations[] = [server]) => fileMentions({ '1': { class_type, inputs } }, all).map((mention) => [mention.kind, 'value' in mention ? mention.value : undefined]);

describe('a text that may be taken for a file', () => {
  it.each([
    ['PrimitiveString', 'value', '/comfyui/output/a.png', 'path'],
    ['PrimitiveString', 'value', { __value__: 'a.png' }, 'path'],
    ['LoadLatent', 'latent', 'mine.latent', 'path'],
    ['LoadLatent', 'latent', '../output/a.latent', 'outside'],
    ['LoadLatent', 'latent', '..', 'outside'],
    ['LoadLatent', 'latent', ['/elsewhere'], 'outside'],
    ['WebcamCapture', 'image', '../output/a.png', 'outside'],
    ['WebcamCapture', 'image', { image: 'threed/a.png' }, 'path'],
    ['Unknown', 'anything', '/comfyui/output/a.png', 'outside'],
    ['LoadImage', 'undeclared', 'a.png', 'path'],
    ['LoadImageDataSetFromFolder', 'folder', 'photos', 'folder'],
    ['LoadImageDataSetFromFolder', 'folder', '', 'folder'],
    ['LoadImageDataSetFromFolder', 'folder', ['7', 0], 'link'],
    ['LoadImage', 'image', ['7', 0], 'link'],
    ['LoadImage', 'image', { __value__: ['7', JSON.rawJSON('0')] }, 'link'],
  ])('is found in %s.%s = %j', (classType, input, value, kind) => {
    expect(mentions(classType, { [input]: value }).map(([found]) => found)).toEqual([kind]);
  });

  it.each([
    ['PrimitiveString', 'value', 'a lighthouse, best quality.'],
    ['PrimitiveString', 'value', '/home/me'],
    ['LoadLatent', 'latent', '/offered'],
    ['LoadLatent', 'latent', 'SDXL\\odd'],
    ['LoadLatent', 'latent', ['7', 0]],
    ['LoadImage', 'image', 'a.png'],
    ['ImageEdit', 'image', ['7', 0]],
    ['ModelSampling', 'folder', 'a'],
    ['SaveImageDataSetToFolder', 'folder_name', 'results'],
    ['Unknown', 'model', 'sd/model.safetensors'],
    ['Unknown', 'seed', JSON.rawJSON('18446744073709551615')],
  ])('is not found in %s.%s = %j', (classType, input, value) => {
    expect(mentions(classType, { [input]: value })).toEqual([]);
  });

  it('is found in every line of a list of paths', () => {
    expect(mentions('PrimitiveString', { value: 'a.png\nx/b.png [output]\r\n"c.png"\n\nwords' })).toEqual([['path', 'a.png'], ['path', 'x/b.png [output]\r'], ['path', '"c.png"']]);
  });

  it('is judged by the strictest of the instances that may run it', () => {
    const older = nodes({ PrimitiveString: { value: declared('COMBO', { options: ['a'] }) } });
    expect(mentions('PrimitiveString', { value: '../x' })).toEqual([]);
    expect(mentions('PrimitiveString', { value: '../x' }, [server, older])).toEqual([['outside', '../x']]);
    expect(mentions('LoadImage', { image: ['7', 0] }, [nodes({ LoadImage: { image: declared('IMAGE') } }), server])).toEqual([['link', undefined]]);
  });

  it('is not gathered without end', () => {
    expect(mentions('PrimitiveString', { value: 'a.png\n'.repeat(5_000) })).toHaveLength(limits.fileReferences + 1);
    expect(mentions('PrimitiveString', { value: Array.from({ length: 5_000 }, () => 'a.png') })).toHaveLength(limits.fileReferences + 1);
  });
});
