import { limits } from '../../constants/limits.ts';
import type { FileRef } from '../../models/file.ts';
import type { PromptEvent } from '../../models/upstream-event.ts';
import { advance, newRun, type Run } from './progress.ts';
import { Waiters } from './waiters.ts';

/** A prompt that this process follows. */
export interface Tracked {
  readonly promptId: string;
  readonly key: string;
  readonly clientId: string;
  instance: string;
  readonly createdAt: number;
  /** Of the call that submitted it to this process. */
  readonly requestId: string | undefined;
  /** The task that it is a run of. */
  readonly taskId: string | undefined;
  /** `submitting`: POST /prompt is under way, or got no answer (`unansweredSince`). `queued` and `running` as the instance says. `ended`: told and over. */
  phase: 'submitting' | 'queued' | 'running' | 'ended';
  /** Made by an earlier process: its events go to a socket that is gone, so it is asked for instead. */
  readonly adopted: boolean;
  readonly run: Run;
  readonly outputs: Record<string, Record<string, unknown>>;
  /** Error or interrupt that ComfyUI announced; confirmed by history before anybody is told. */
  announced: PromptEvent | undefined;
  number: number | undefined;
  acceptedAt: number | undefined;
  /** POST /prompt got no answer in time: the instance may take the prompt at any later moment, or never. */
  unansweredSince: number | undefined;
  startedAt: number | undefined;
  lastEventAt: number;
  /** When somebody asked through us to stop it. */
  stopRequestedAt: number | undefined;
  /** When its time limit passed and the interrupt went out. */
  timedOutAt: number | undefined;
  ending: { readonly state: 'completed' | 'failed' | 'interrupted'; readonly at: number } | undefined;
  /** Its ending is being confirmed now. */
  confirming: boolean;
  /** Every message since its run began has come. */
  whole: boolean;
  /** Its messages have said that it is over, and none of them was missed. */
  told: boolean;
}

export interface NewTracked {
  readonly promptId: string;
  readonly key: string;
  readonly clientId: string;
  readonly instance: string;
  readonly createdAt: number;
  readonly classes: ReadonlyMap<string, string>;
  readonly requestId?: string | undefined;
  readonly taskId?: string | undefined;
  readonly adopted?: boolean;
  readonly acceptedAt?: number | undefined;
  /** Of an adopted one that its instance may not have got. */
  readonly unansweredSince?: number | undefined;
  readonly stopRequestedAt?: number | undefined;
}

/** The prompts in flight and the ones that ended lately. No I/O; bounded by limits.finishedPrompts and finishedAge. */
export class PromptTracker {
  readonly #prompts = new Map<string, Tracked>();
  readonly #byInstance = new Map<string, Map<string, Tracked>>();
  /** In the order of their ending. */
  readonly #ended = new Map<string, number>();
  readonly #untilHandedOver = new Waiters();
  readonly #untilSeen = new Waiters();
  readonly #untilEnded = new Waiters();
  readonly #nudges = new Map<string, () => void>();
  #endWithdrawn: ((tracked: Tracked) => Promise<void>) | undefined;

  add(prompt: NewTracked): Tracked {
    const { acceptedAt, unansweredSince } = prompt;
    const tracked: Tracked = {
      promptId: prompt.promptId, key: prompt.key, clientId: prompt.clientId, instance: prompt.instance, createdAt: prompt.createdAt, requestId: prompt.requestId, taskId: prompt.taskId,
      phase: acceptedAt === undefined ? 'submitting' : 'queued', adopted: prompt.adopted ?? false, run: newRun(prompt.classes), outputs: {}, announced: undefined,
      number: undefined, acceptedAt, unansweredSince, startedAt: undefined, lastEventAt: prompt.createdAt,
      stopRequestedAt: prompt.stopRequestedAt, timedOutAt: undefined, ending: undefined, confirming: false, whole: false, told: false,
    };
    this.#prompts.set(tracked.promptId, tracked);
    this.#of(tracked.instance).set(tracked.promptId, tracked);
    return tracked;
  }

  get(promptId: string): Tracked | undefined {
    return this.#prompts.get(promptId);
  }

  /** Prompts on that instance that have not ended. */
  inFlight(instance: string): readonly Tracked[] {
    return [...(this.#byInstance.get(instance)?.values() ?? [])];
  }

  countInFlight(instance: string): number {
    return this.#byInstance.get(instance)?.size ?? 0;
  }

  /** The instance has it. */
  accepted(promptId: string, number: number, at: number): void {
    const tracked = this.#prompts.get(promptId);
    if (!tracked) return;
    tracked.number = number;
    tracked.acceptedAt = at;
    if (tracked.phase === 'submitting') tracked.phase = 'queued';
    this.#untilHandedOver.release(promptId);
    this.#untilSeen.release(promptId);
  }

  /** Its hand-over ended without an answer. It stays `submitting` until the instance shows it. */
  unanswered(promptId: string, at: number): void {
    const tracked = this.#prompts.get(promptId);
    if (tracked?.phase !== 'submitting') return;
    tracked.unansweredSince = at;
    this.#untilHandedOver.release(promptId);
  }

  move(promptId: string, instance: string): void {
    const tracked = this.#prompts.get(promptId);
    if (!tracked) return;
    this.#of(tracked.instance).delete(promptId);
    tracked.instance = instance;
    this.#of(instance).set(promptId, tracked);
  }

  /** It never was: the instance refused it. */
  remove(promptId: string): void {
    const tracked = this.#prompts.get(promptId);
    if (!tracked) return;
    this.#prompts.delete(promptId);
    this.#of(tracked.instance).delete(promptId);
    this.#release(promptId);
  }

  /** It was stopped on its way: no instance has it, and none will. Resolves when that is told. */
  async withdraw(promptId: string): Promise<void> {
    const tracked = this.#prompts.get(promptId);
    if (tracked) await this.#endWithdrawn?.(tracked);
  }

  /** The one who tells endings says how. */
  onWithdrawn(end: (tracked: Tracked) => Promise<void>): void {
    this.#endWithdrawn = end;
  }

  /** Takes in an event of ComfyUI. Undefined when the prompt is not ours or is over. */
  apply(event: PromptEvent, at: number): Tracked | undefined {
    const tracked = this.#prompts.get(event.promptId);
    if (!tracked || tracked.phase === 'ended') return undefined;
    tracked.lastEventAt = at;
    if (tracked.phase !== 'running') this.running(tracked, at);
    advance(tracked.run, event);
    if (event.type === 'executed') remember(tracked, event.data);
    if (event.type === 'execution_error' || event.type === 'execution_interrupted') tracked.announced = event;
    if (event.type === 'execution_start') tracked.whole = true;
    if (event.type === 'execution_success' || isOver(event)) tracked.told = tracked.whole;
    return tracked;
  }

  /** Messages of that instance may have been missed. */
  missed(instance: string): void {
    for (const tracked of this.#of(instance).values()) tracked.whole = false;
  }

  /** Owner and instance of a prompt that runs and has shown this file; undefined when it has not. */
  madeBy(promptId: string, ref: FileRef): { key: string; instance: string } | undefined {
    const tracked = this.#prompts.get(promptId);
    const made = tracked && Object.values(tracked.outputs).some((shown) => Object.values(shown).some((files) => Array.isArray(files) && files.some((file) => isFile(file, ref))));
    return made ? { key: tracked.key, instance: tracked.instance } : undefined;
  }

  /** The instance runs it now. */
  running(tracked: Tracked, at: number): void {
    if (tracked.phase === 'ended') return;
    tracked.phase = 'running';
    tracked.startedAt ??= at;
    if (tracked.unansweredSince !== undefined) tracked.acceptedAt ??= at;
    this.#untilHandedOver.release(tracked.promptId);
    this.#untilSeen.release(tracked.promptId);
  }

  /** It is over and told. Answers the ids that are too old to be kept; forget them elsewhere too. */
  ended(promptId: string, state: 'completed' | 'failed' | 'interrupted', at: number): string[] {
    const tracked = this.#prompts.get(promptId);
    if (!tracked || tracked.phase === 'ended') return [];
    tracked.phase = 'ended';
    tracked.ending = { state, at };
    if (state === 'completed') tracked.run.overall = 1;
    this.#of(tracked.instance).delete(promptId);
    this.#ended.set(promptId, at);
    this.#release(promptId);
    return this.#evict(at);
  }

  /** Resolves when an instance has the prompt, when none will, and when its instance did not answer. Rejects when the signal aborts. */
  async whenHandedOver(promptId: string, signal: AbortSignal): Promise<void> {
    const tracked = this.#prompts.get(promptId);
    if (tracked?.phase === 'submitting' && tracked.unansweredSince === undefined) await this.#untilHandedOver.wait(promptId, signal);
  }

  /** Resolves when an instance shows the prompt, and when it is followed no more. Rejects when the signal aborts. */
  async whenSeen(promptId: string, signal: AbortSignal): Promise<void> {
    if (this.#prompts.get(promptId)?.phase === 'submitting') await this.#untilSeen.wait(promptId, signal);
  }

  /** Resolves when the prompt has ended (or is not followed at all). Rejects when the signal aborts. */
  async whenEnded(promptId: string, signal: AbortSignal): Promise<void> {
    if ((this.#prompts.get(promptId)?.phase ?? 'ended') !== 'ended') await this.#untilEnded.wait(promptId, signal);
  }

  /** Asks whoever follows that instance to compare with its queue and history soon. */
  nudge(instance: string): void {
    this.#nudges.get(instance)?.();
  }

  /** The one who follows the instance says how to be reached. */
  onNudge(instance: string, wake: () => void): void {
    this.#nudges.set(instance, wake);
  }

  #of(instance: string): Map<string, Tracked> {
    const known = this.#byInstance.get(instance) ?? new Map<string, Tracked>();
    this.#byInstance.set(instance, known);
    return known;
  }

  #release(promptId: string): void {
    this.#untilHandedOver.release(promptId);
    this.#untilSeen.release(promptId);
    this.#untilEnded.release(promptId);
  }

  #evict(now: number): string[] {
    const gone: string[] = [];
    for (const [promptId, at] of this.#ended) {
      if (this.#ended.size - gone.length <= limits.finishedPrompts && now - at < limits.finishedAge) break;
      gone.push(promptId);
    }
    for (const promptId of gone) {
      this.#ended.delete(promptId);
      this.#prompts.delete(promptId);
    }
    return gone;
  }
}

/** `executing` with no node: nothing of that prompt runs any more. */
export function isOver(event: PromptEvent): boolean {
  return event.type === 'executing' && event.data['node'] === null;
}

function remember(tracked: Tracked, data: Readonly<Record<string, unknown>>): void {
  const { node, output } = data;
  if (typeof node === 'string' && typeof output === 'object' && output !== null) tracked.outputs[node] = { ...output };
}

function isFile(shown: unknown, ref: FileRef): boolean {
  if (typeof shown !== 'object' || shown === null) return false;
  const file: Readonly<Record<string, unknown>> = { subfolder: '', type: 'output', ...shown };
  return file['filename'] === ref.filename && file['subfolder'] === ref.subfolder && file['type'] === ref.type;
}
