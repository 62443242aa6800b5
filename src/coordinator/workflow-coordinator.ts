import type { Caller } from '../models/caller.ts';
import type { OutputFile } from '../models/file.ts';
import type { PromptState } from '../models/prompt-state.ts';
import type { InterruptAnswer, SubmitAnswer, SubmitRequest } from '../models/workflow.ts';
import { fail } from '../core/errors.ts';

export class WorkflowCoordinator {
  async submit(_caller: Caller, _request: SubmitRequest, _signal: AbortSignal): Promise<SubmitAnswer> { throw fail('INTERNAL_ERROR', 'not wired'); }
  async state(_caller: Caller, _promptId: string, _signal: AbortSignal): Promise<PromptState> { throw fail('INTERNAL_ERROR', 'not wired'); }
  /** The bare history entry, lossless: integers above 2^53 are raw JSON numbers (`stringifyJson` keeps them). `{}` fields as ComfyUI has them. */
  async history(_caller: Caller, _promptId: string, _signal: AbortSignal): Promise<unknown> { throw fail('INTERNAL_ERROR', 'not wired'); }
  /** `[]` while the prompt waits or runs without outputs. */
  async images(_caller: Caller, _promptId: string, _signal: AbortSignal): Promise<OutputFile[]> { throw fail('INTERNAL_ERROR', 'not wired'); }
  /** Without an id: everything of the caller that runs now. */
  async interrupt(_caller: Caller, _promptId: string | undefined, _signal: AbortSignal): Promise<InterruptAnswer> { throw fail('INTERNAL_ERROR', 'not wired'); }
}
