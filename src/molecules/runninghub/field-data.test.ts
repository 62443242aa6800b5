import { describe, expect, it, test } from 'vitest';
import { fieldDataOf } from './field-data.ts';

describe('fieldData', () => {
  test.each([
    ['["STRING", {"multiline": true}]', { type: 'STRING', multiline: true }],
    ['["INT", {"default": 20, "min": 1, "max": 100, "step": 1}]', { type: 'INT', default: 20, min: 1, max: 100, step: 1 }],
    ['["BOOLEAN", {"default": true}]', { type: 'BOOLEAN', default: true }],
    ['["STRING"]', { type: 'STRING' }],
    ['["COMBO", {"options": ["a", 2]}]', { type: 'COMBO', options: [{ value: 'a' }, { value: '2' }] }],
    ['[{}, {"tooltip": "The name."}]', { tooltip: 'The name.' }],
    ['[["a.png", "b.png"], {"image_upload": true}]', { options: [{ value: 'a.png' }, { value: 'b.png' }], upload: 'image' }],
    ['[["a"], {}]', { options: [{ value: 'a' }] }],
    ['[{"name":"1:1","index":"1:1","description":""},{"name":"x","index":"2","description":"Wide"},{"default":"1:1","description":"忽略"}]', { options: [{ value: '1:1' }, { value: '2', label: 'Wide' }], default: '1:1' }],
    ['[{"name":"only"}]', { options: [{ value: 'only' }] }],
  ])('%s is read', (text, data) => {
    expect(fieldDataOf(text)).toEqual(data);
  });

  it('keeps every digit of a limit', () => {
    expect(fieldDataOf('["INT", {"max": 18446744073709551615}]')).toEqual({ type: 'INT', max: '18446744073709551615' });
  });

  it('that Python wrote with Infinity has no such limit', () => {
    expect(fieldDataOf('["FLOAT", {"max": Infinity, "min": 0}]')).toEqual({ type: 'FLOAT', min: 0 });
  });

  it('may come parsed', () => {
    expect(fieldDataOf(['STRING', { multiline: false }])).toEqual({ type: 'STRING', multiline: false });
  });

  test.each([null, undefined, '', 'free text', '{}', '[]', '[null]', '[1, 2', 7])('says nothing when it is %j', (data) => {
    expect(fieldDataOf(data)).toEqual({});
  });
});
