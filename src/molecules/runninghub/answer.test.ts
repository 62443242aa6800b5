import { describe, expect, it, test } from 'vitest';
import { replyOf } from '../../../tests/support/runninghub-replies.ts';
import { parseJson } from '../../atoms/json/json.ts';
import { answerOf, errorOf } from './answer.ts';

const [china, world] = ['https://www.runninghub.cn', 'https://www.runninghub.ai'];
const raw = (json: unknown, status = 200) => ({ call: 'POST /x', status, json, text: json === undefined ? '' : JSON.stringify(json) });
const recorded = (name: string) => {
  const { status, text } = replyOf(name);
  return answerOf({ call: 'POST /x', status, json: parseJson(text), text });
};

describe('an error that the other site’s key or id would cause, too', () => {
  test.each([
    ['account-status.bad-key-806', 'ENGINE_UNAUTHORIZED'], ['create-workflow.not-exists-380', 'ENGINE_WORKFLOW_NOT_FOUND'], ['ai-app-run.error-901', 'ENGINE_WORKFLOW_NOT_FOUND'],
    ['upload-legacy.bad-key-401', 'ENGINE_UNAUTHORIZED'], ['upload-v2.bad-key-401', 'ENGINE_UNAUTHORIZED'],
  ])('says so: %s', (name, code) => {
    const answer = recorded(name);
    expect(errorOf(answer, china)).toMatchObject({ code, detail: expect.stringContaining('Keys, workflows and apps of www.runninghub.ai are unknown at www.runninghub.cn') as string });
    expect(errorOf(answer, world).detail).toContain('Keys, workflows and apps of www.runninghub.cn are unknown at www.runninghub.ai');
    expect(errorOf(answer, 'http://127.0.0.1:1').detail).not.toContain('runninghub.');
  });

  it('is not one about the balance', () => {
    expect(errorOf(recorded('ai-app-run.error-812'), china).detail).not.toContain('runninghub.ai');
  });
});

describe('the code', () => {
  test.each([
    [{ code: 0 }, '0', 'ok'], [{ code: '0' }, '0', 'ok'], [{ code: ' 421 ' }, '421', 'busy'], [{ code: -1 }, '-1', 'auth'], [{ errorCode: '812' }, '812', 'balance'], [{ errorCode: '' }, '0', 'ok'], [{ errorCode: null }, '0', 'ok'],
    [{ taskId: '1' }, '0', 'ok'], [{ code: null, errorCode: '806' }, '806', 'auth'], [{ code: 'NAME' }, 'NAME', 'unknown'], [{ code: {} }, 'unreadable', 'unknown'], [{ code: 1.5 }, '1.5', 'unknown'], [{}, undefined, 'transient'], [[], undefined, 'transient'], [undefined, undefined, 'transient'],
  ])('of %j is %s, which is %s', (json, code, kind) => {
    const answer = answerOf(raw(json));
    expect([answer.code, answer.row.kind]).toEqual([code, kind]);
  });

  it('that is known decides whatever the status, but does not make a bad one good', () => {
    expect(answerOf(raw({ code: 901 }, 500)).row.kind).toBe('workflow_not_found');
    expect(answerOf(raw({ code: 0 }, 500)).row.kind).toBe('transient');
    expect(answerOf(raw({ code: 77_777 }, 401)).row.kind).toBe('auth');
  });

  it('is told shortened, like all that was said', () => {
    const { detail } = errorOf(answerOf(raw({ code: 'x'.repeat(10_000), msg: 'y'.repeat(10_000) })), china);
    expect(detail.length).toBeLessThan(700);
  });
});
