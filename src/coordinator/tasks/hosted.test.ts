import { describe, expect, it } from 'vitest';
import { fail } from '../../core/errors.ts';
import { hubJobId } from '../../models/runninghub.ts';
import { hostedForm, hostedName, hubIdOf, nodesOf, thrownOf } from './hosted.ts';

const target = { kind: 'app', id: '1970434031953342471' } as const;
const values = [{ nodeId: '12', fieldName: 'image', fieldValue: 'a.png', media: 'image' as const }, { nodeId: '6', fieldName: 'text', fieldValue: 'a cat' }];

describe('a task that names what lies at RunningHub', () => {
  it('has its values as inputs, each with its place; what was given is told back by it', () => {
    const template = hostedForm(target, values);
    expect(template).toMatchObject({ name: target.id, inputs: { 'nodeInfoList.0': { type: 'image', targets: [{ node: '12', input: 'image' }] }, 'nodeInfoList.1': { type: 'string' } } });
    const inputs = Object.fromEntries(values.map(({ fieldValue }, n) => [hostedName(n), fieldValue]));
    const step = { name: '', engine: 'runninghub', template, target, workflow: undefined, inputs, deferred: false, extraData: undefined };
    expect(nodesOf({ inputs: {}, steps: [step] }, inputs)).toEqual(values.map(({ nodeId, fieldName, fieldValue }) => ({ nodeId, fieldName, fieldValue })));
    expect(nodesOf({ inputs: {}, steps: [{ ...step, target: undefined }] }, inputs)).toEqual([]);
    expect(nodesOf(undefined)).toEqual([]);
  });

  it('is called by the newest id that RunningHub gave it, never by one of ours', () => {
    expect(hubIdOf([{ job_id: '11' }, { job_id: '22' }, { job_id: '01a2080a-aa26-75c5-90ff-456a80c680d2' }, {}])).toBe('22');
    expect(hubIdOf([{ job_id: '01a2080a-aa26-75c5-90ff-456a80c680d2' }])).toBeUndefined();
    expect(hubIdOf([{ job_id: hubJobId('task_7') }])).toBe('task_7');
  });

  it('is refused with the words of its failure, each of them once', () => {
    const { message } = fail('ENGINE_UNAUTHORIZED', 'code 806.');
    expect(thrownOf({ code: 'ENGINE_UNAUTHORIZED', reason: message }, 't1')).toMatchObject({ code: 'ENGINE_UNAUTHORIZED', detail: 'code 806.', message, taskId: 't1', retryable: false });
    expect(thrownOf({ code: 'UPSTREAM_ERROR', reason: 'no coins' }, 't1')).toMatchObject({ detail: 'no coins', retryable: false });
  });
});
