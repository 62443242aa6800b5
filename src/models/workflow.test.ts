import { describe, expect, it } from 'vitest';
import { InterruptRequest, PromptId, SubmitRequest } from './workflow.ts';

describe('a prompt_id', () => {
  it.each(['01a2', 'A-b_c', 'console', 'com', 'com10'])('may be %s', (id) => {
    expect(PromptId.safeParse(id).success).toBe(true);
  });

  it.each(['', '-a', '_a', 'a.b', 'a/b', 'a b', 'ä', 'a\n', 'x'.repeat(129), 'con', 'NUL', 'Aux', 'prn', 'com1', 'LPT9'])('must not be %j: it names a folder', (id) => {
    expect(PromptId.safeParse(id).success).toBe(false);
  });
});

describe('null', () => {
  it('stands for what a caller leaves out', () => {
    expect(SubmitRequest.parse({ workflow: {}, client_id: null, prompt_id: null, front: null })).toEqual({ workflow: {} });
    expect(InterruptRequest.parse({ prompt_id: null })).toEqual({});
  });

  it('is no extra_data: ComfyUI stumbles over it', () => {
    expect(SubmitRequest.safeParse({ workflow: {}, extra_data: null }).success).toBe(false);
  });
});
