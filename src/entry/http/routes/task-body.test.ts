import { describe, expect, it } from 'vitest';
import type { RouteContext } from '../route.ts';
import { idempotencyKeyOf, longestWait, readTask, waitOf } from './task-body.ts';

const workflow = { '1': { class_type: 'X', inputs: {} } };

/** A call with these headers. */
function call(headers: Record<string, string>): Pick<RouteContext, 'request'> {
  return { request: { headers } as RouteContext['request'] };
}

describe('the body of a new task', () => {
  it('is one of three ways, by the field that it has', () => {
    expect(readTask({ template: 'draw', inputs: { prompt: 'x' }, priority: 1 })).toEqual({ kind: 'template', request: { template: 'draw', inputs: { prompt: 'x' }, priority: 1 } });
    expect(readTask({ workflow, extra_data: { a: 1 } })).toEqual({ kind: 'workflow', request: { workflow, extra_data: { a: 1 } } });
    expect(readTask({ task_type: 'PORTRAIT', source_image: 'a.png', priority: 1 })).toEqual({ kind: 'pipeline', request: { task_type: 'PORTRAIT', source_image: 'a.png', priority: 1 } });
  });

  it('may have null for what is left out, as typed clients send it', () => {
    expect(readTask({ template: 'draw', workflow: null, task_type: null, inputs: null, priority: null, metadata: null })).toMatchObject({ kind: 'template', request: { template: 'draw', inputs: undefined, priority: undefined } });
  });

  it.each([
    [{}, 'body: give one of "template", "workflow" and "task_type".'],
    [{ template: null }, 'body: give one of "template", "workflow" and "task_type".'],
    [{ template: 'a', workflow }, 'body: give one of "template", "workflow" and "task_type", not template and workflow.'],
  ])('is refused where it is none or several of them: %j', (body, detail) => {
    expect(() => readTask(body)).toThrow(detail);
  });

  it.each([{ template: 7 }, { template: 'a', promt: 'x' }, { template: 'a', priority: 101 }, { template: 'a', deadline_seconds: 0 }, { workflow: 'text' }, { workflow, inputs: {} }, { task_type: '' .padEnd(65, 'x') }, { template: 'a', webhook_events: [] }, { template: 'a', webhook_events: ['progress'] }])('is refused for rubbish: %j', (body) => {
    expect(() => readTask(body)).toThrow(expect.objectContaining({ code: 'VALIDATION_ERROR' }));
  });
});

describe('Idempotency-Key', () => {
  it('is taken as it is, without the quotation marks that some clients put around it', () => {
    expect([idempotencyKeyOf(call({})), idempotencyKeyOf(call({ 'idempotency-key': ' abc ' })), idempotencyKeyOf(call({ 'idempotency-key': '"a-b"' }))]).toEqual([undefined, 'abc', 'a-b']);
  });

  it.each(['', '""', 'a b', 'ä', 'x'.repeat(256)])('is refused: %j', (key) => {
    expect(() => idempotencyKeyOf(call({ 'idempotency-key': key }))).toThrow(/1 to 255 printable characters/);
  });
});

describe('Prefer', () => {
  it.each([['wait=30', 30], ['respond-async, wait=10', 10], ['wait = "5"', 5], ['WAIT=7; x', 7], ['wait=0', 0], ['wait=999999', longestWait], ['respond-async', undefined], ['await=3', undefined], ['', undefined]])('%j waits for %s seconds', (prefer, seconds) => {
    expect(waitOf(call({ prefer }))).toBe(seconds);
  });
});
