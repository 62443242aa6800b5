import { expect, it } from 'vitest';
import { z } from 'zod';
import { TemplateInput } from '../../models/template.ts';
import { inputsSchema } from './schema.ts';

const inputs = (given: Record<string, object>) => Object.fromEntries(Object.entries(given).map(([name, input]) => [name, TemplateInput.parse({ targets: [{ node: '1', input: 'x' }], ...input })]));
const json = (given: Record<string, object>) => z.toJSONSchema(z.object({ it: inputsSchema({ name: 'my-template', title: 'Mine', description: 'Does it.', workflow: {}, inputs: inputs(given), outputs: undefined }) }), { io: 'input', unrepresentable: 'any' }).$defs?.['inputs-my-template'];

it('says of every input its type, its limits, its default and what it is', () => {
  expect(json({
    prompt: { type: 'string', description: 'What is shown.', min_length: 1, max_length: 100 },
    steps: { type: 'integer', default: 20, min: 1, max: 150 },
    cfg: { type: 'number', default: 7.5, min: 0, max: 30 },
    tile: { type: 'boolean', default: false },
    style: { type: 'enum', values: ['oil', 'water'], default: 'oil' },
    picture: { type: 'image', description: 'To begin with.' },
    mask: { type: 'image', required: false },
  })).toEqual({
    title: 'Mine',
    description: 'Does it.',
    type: 'object',
    additionalProperties: false,
    required: ['prompt', 'picture'],
    properties: {
      prompt: { type: 'string', description: 'What is shown.', minLength: 1, maxLength: 100 },
      steps: { type: 'integer', default: 20, minimum: 1, maximum: 150, description: 'From 1 to 150.' },
      cfg: { type: 'number', default: 7.5, minimum: 0, maximum: 30 },
      tile: { type: 'boolean', default: false },
      style: { type: 'string', enum: ['oil', 'water'], default: 'oil' },
      picture: { type: 'string', minLength: 1, description: 'To begin with. The image: the name of an upload, a path below the input folder, a URL or a data URI.' },
      mask: { type: 'string', minLength: 1, description: 'The image: the name of an upload, a path below the input folder, a URL or a data URI.' },
    },
  });
});

it('says in words what JSON readers would round, and what is drawn', () => {
  const seed = json({ seed: { type: 'integer', default: 'random', min: 0, max: JSON.rawJSON('18446744073709551615') }, other: { type: 'integer', default: JSON.rawJSON('9007199254740993') } });
  expect(seed?.properties).toEqual({
    seed: { type: 'integer', minimum: 0, description: 'From 0 to 18446744073709551615. Left out, or "random": a new random number from 0 to 18446744073709551615 for every task.' },
    other: { type: 'integer', description: 'From -9223372036854775808 to 18446744073709551615. Default: 9007199254740993.' },
  });
  expect(seed?.required).toBeUndefined();
});
