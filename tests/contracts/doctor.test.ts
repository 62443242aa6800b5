/** The doctor beside a recorded ComfyUI: what that refused has a fault at the same place, what it ran has none. */
import { readdirSync, readFileSync } from 'node:fs';
import { basename } from 'node:path';
import { describe, expect, it } from 'vitest';
import { z } from 'zod';
import { parseLenientJson } from '../../src/atoms/json/json.ts';
import type { Fault } from '../../src/models/problem.ts';
import { Workflow } from '../../src/models/workflow.ts';
import { declarationsOf } from '../../src/molecules/comfyui-info/translate.ts';
import { ObjectInfo } from '../../src/molecules/comfyui-info/wire.ts';
import { checkAll } from '../../src/molecules/graph/check.ts';
import { diagnose, isWarning } from '../../src/molecules/graph/doctor.ts';

const folder = new URL('../fixtures/comfyui/', import.meta.url);
const read = (path: string): unknown => parseLenientJson(readFileSync(new URL(path, folder), 'utf8'));
const namesIn = (path: string): string[] => readdirSync(new URL(path, folder)).filter((name) => name !== 'expected-responses.json').map((name) => basename(name, '.json'));

const recorded = declarationsOf(ObjectInfo.parse(read('http/object_info.subset.json')));
const NodeErrors = z.record(z.string(), z.object({ errors: z.array(z.object({ type: z.string(), extra_info: z.looseObject({ input_name: z.string().optional() }) })) }));
const Expected = z.record(z.string(), z.object({ status: z.int(), response: z.looseObject({ error: z.object({ type: z.string(), details: z.string() }).optional(), node_errors: NodeErrors }) }));
const expected = Expected.parse(read('workflows/invalid/expected-responses.json'));

function told(path: string): Fault[] {
  const workflow = Workflow.parse(read(path));
  return [...checkAll(workflow).faults, ...diagnose(workflow, recorded)];
}

const errors = (path: string): Fault[] => told(path).filter((fault) => !isWarning(fault));

/** Names of files are not judged: whose they are is a matter of the records. */
const ofFiles = ['load-image-missing-file', 'load-image-traversal'];
/** ComfyUI found these while it ran. */
const accepted = Object.entries(expected).filter(([, { status }]) => status === 200).map(([name]) => name);
const refused = namesIn('workflows/invalid').filter((name) => ![...ofFiles, ...accepted].includes(name));

describe('a recorded workflow', () => {
  it.each(refused)('that ComfyUI refused has a fault at the same place: %s', (name) => {
    const { error, node_errors: nodes } = expected[name]?.response ?? { node_errors: {} };
    const found = errors(`workflows/invalid/${name}.json`);
    const places = Object.entries(nodes).flatMap(([id, { errors }]) => errors.map(({ type, extra_info: info }) => ({ id, type, input: info.input_name })));
    for (const { id, type, input } of places) {
      const there = found.filter((fault) => fault.node_id === id && (input === undefined || fault.input === input));
      expect(there.length).toBeGreaterThan(0);
      if (!type.startsWith('exception_') && type !== 'value_not_in_list') expect(there[0]?.type).toBe(type);
    }
    const at = /^Node ID '#(.*)'$/.exec(error?.details ?? '')?.[1];
    if (at !== undefined) expect(found).toContainEqual(expect.objectContaining({ node_id: at }));
    if (error?.type === 'prompt_no_outputs') expect(found.map((fault) => fault.type)).toContain('prompt_no_outputs');
    expect(found.length).toBeGreaterThan(0);
  });

  it.each(namesIn('workflows/valid'))('that ComfyUI ran has none: %s', (name) => {
    expect(told(`workflows/valid/${name}.json`)).toEqual([]);
  });

  it('that failed while it ran, since a plain value stood for a link, has a fault', () => {
    expect(accepted).toEqual(['link-expected-got-string']);
    expect(errors('workflows/invalid/link-expected-got-string.json')).toMatchObject([{ type: 'link_expected', node_id: '2' }]);
  });

  it.each(ofFiles)('that named a file which is not there is not judged by it: %s', (name) => {
    expect(told(`workflows/invalid/${name}.json`)).toEqual([]);
  });

  it('that wanted a model has it as a missing model, and a value as one not in its list', () => {
    expect(told('workflows/invalid/checkpoint-not-in-empty-list.json')).toMatchObject([{ type: 'missing_model', node_id: '1', input: 'ckpt_name' }]);
    expect(told('workflows/invalid/value-not-in-list.json')).toMatchObject([{ type: 'value_not_in_list', node_id: '3', input: 'upscale_method' }]);
  });
});
