import { z } from 'zod';
import { failedWith } from '../../core/errors.ts';
import type { EngineEnding, EngineEvent } from '../../models/engine.ts';
import { fileUrl } from '../../models/file-url.ts';
import { PromptError } from '../../models/prompt-state.ts';
import type { PromptRecord } from '../../models/records.ts';
import { progressOf } from '../../molecules/prompt-tracker/progress.ts';
import type { Tracked } from '../../molecules/prompt-tracker/tracker.ts';
import { filesOf, type UrlOf } from '../../molecules/prompt-outputs/outputs.ts';
import type { ComfyuiEngineParts } from './parts.ts';

type Parts = Pick<ComfyuiEngineParts, 'records' | 'tracker' | 'sleep' | 'publicUrl'>;

/** Milliseconds between looks at a prompt that runs: often enough for a bar that moves, and it costs nothing but memory accesses. */
const LOOK_EVERY = 200;
/** Between looks at the record of a prompt that another process follows. */
const ASK_EVERY = 250;

/** What the ending wrote into the record. */
const Detail = z.looseObject({ error: PromptError.optional().catch(undefined), reason: z.string().optional().catch(undefined) });
const AGAIN: readonly string[] = ['PROMPT_LOST', 'CONNECTION_ERROR', 'UPSTREAM_ERROR'];

/** The story of one prompt from now until it ends: from memory where this process follows it, and from its record in any case. */
export async function* follow(promptId: string, parts: Parts, signal: AbortSignal): AsyncGenerator<EngineEvent, void> {
  const seen = new Seen((ref) => fileUrl(ref, { promptId, publicUrl: parts.publicUrl }));
  for (;;) {
    signal.throwIfAborted();
    const tracked = parts.tracker.get(promptId);
    if (tracked && tracked.phase !== 'ended') {
      yield* seen.changes(tracked);
      await parts.tracker.whenEnded(promptId, AbortSignal.any([signal, AbortSignal.timeout(LOOK_EVERY)])).catch(() => undefined);
      continue;
    }
    const ending = endingOf(await recordOf(promptId, parts));
    if (ending) return void (yield ending);
    await parts.sleep(ASK_EVERY, signal);
  }
}

/** A database that cannot be read now is asked again. `gone`: it was never there, or is too old. */
async function recordOf(promptId: string, { records }: Parts): Promise<PromptRecord | 'gone' | 'unread'> {
  try {
    return (await records.find(promptId)) ?? 'gone';
  } catch (error) {
    if (failedWith(error, 'INTERNAL_ERROR')) return 'unread';
    throw error;
  }
}

/** Undefined while it has none. */
function endingOf(record: PromptRecord | 'gone' | 'unread'): EngineEnding | undefined {
  if (record === 'unread') return undefined;
  if (record === 'gone') return { kind: 'failed', instance: undefined, again: true, error: { code: 'PROMPT_LOST', reason: 'It was never handed over, or its record is gone.' } };
  const { instance, startedAt, endedAt } = record;
  const { error, reason } = record.detail === undefined ? {} : Detail.parse(JSON.parse(record.detail));
  switch (record.state) {
    case 'submitted':
      return undefined;
    case 'completed':
      return { kind: 'completed', instance, startedAt, endedAt };
    case 'interrupted':
      return { kind: 'stopped', instance, byUs: record.stopRequestedAt !== undefined, reason: reason ?? 'It was interrupted.' };
    case 'failed':
      return { kind: 'failed', instance, again: AGAIN.includes(error?.code ?? ''), error: error ?? { code: 'WORKFLOW_EXECUTION_ERROR', reason: 'It failed, and nobody said why.' } };
    default: {
      const never: never = record.state;
      return never;
    }
  }
}

/** What has been told of a prompt already. */
class Seen {
  readonly #urlOf: UrlOf;
  #progress = '';
  #running = false;
  readonly #nodes = new Set<string>();

  constructor(urlOf: UrlOf) {
    this.#urlOf = urlOf;
  }

  *changes(tracked: Tracked): Generator<EngineEvent, void> {
    if (!this.#running && tracked.phase === 'running') {
      this.#running = true;
      yield { kind: 'running', instance: tracked.instance };
    }
    const { node, value, max, overall } = tracked.run;
    const progress = [node, value, max, overall].join();
    if (tracked.phase === 'running' && progress !== this.#progress) {
      this.#progress = progress;
      yield { kind: 'progress', progress: progressOf(tracked.run) };
    }
    const fresh = Object.entries(tracked.outputs).filter(([id]) => !this.#nodes.has(id));
    for (const [id] of fresh) this.#nodes.add(id);
    if (fresh.length > 0) yield { kind: 'output', files: filesOf(Object.fromEntries(fresh), this.#urlOf) };
  }
}
