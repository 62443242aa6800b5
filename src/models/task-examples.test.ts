import { expect, it } from 'vitest';
import type { z } from 'zod';
import * as examples from './task-examples.ts';
import { Delivery, TaskAccepted, TaskLinks, TaskOutput, TaskPage, TaskSummary, TaskView } from './task.ts';

it.each<[keyof typeof examples, z.ZodType]>([['accepted', TaskAccepted], ['summary', TaskSummary], ['view', TaskView], ['page', TaskPage], ['output', TaskOutput], ['links', TaskLinks], ['delivery', Delivery]])('the example of %s is one, whole, and stands in its schema', (name, schema) => {
  expect(schema.parse(examples[name])).toEqual(examples[name]);
  expect(schema.meta()?.['examples']).toEqual([examples[name]]);
});
