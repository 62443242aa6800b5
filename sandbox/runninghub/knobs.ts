import { EventEmitter } from 'node:events';
import { z } from 'zod';
import { RouteName, Step } from './steps.ts';

const times = z.number().int().min(0).max(1_000_000);
const delay = z.number().min(0).max(600_000);

/** What becomes of a task. */
export const Outcome = z.enum(['picture', 'several', 'text', 'none', 'failed', 'nodeErrors']);
export type Outcome = z.infer<typeof Outcome>;

const WebhookShape = z.enum(['string', 'v1', 'v2', 'bare', 'broken', 'empty']);

/** Every knob, what it does and its neutral value. Counted knobs go down by one at each use. */
export const KnobState = z.strictObject({
  next: z.partialRecord(RouteName, z.array(Step).max(100)).default({}).describe('route → what becomes of its next requests, in order'),
  slow: z.partialRecord(RouteName, delay).default({}).describe('route → how long an answer is held back after the request was handled'),
  createMs: delay.default(0).describe('how long a task is CREATE'),
  queueMs: delay.default(100).describe('how long a task is QUEUED'),
  runMs: delay.default(400).describe('how long a task is RUNNING'),
  hold: z.enum(['CREATE', 'QUEUED', 'RUNNING', 'all']).nullable().default(null).describe('tasks stay in this state, or in every one, until it is null again'),
  outcome: Outcome.default('picture').describe('what becomes of new tasks'),
  outcomes: z.array(Outcome).max(1_000).default([]).describe('what becomes of the next new tasks, in order'),
  limits: z.record(z.string(), z.number().int().min(0)).default({}).describe('account → tasks at once, in place of its own limit'),
  personalQueueLimit: times.default(1_000).describe('tasks that may wait in a personal queue'),
  emptyWallets: z.array(z.string()).default([]).describe('accounts that cannot pay'),
  bearerOnly: z.boolean().default(false).describe('v1 refuses a key in the body (802)'),
  checkFiles: z.boolean().default(true).describe('file inputs must name what was uploaded'),
  nullOutputs: times.default(0).describe('the next n outputs of a successful task say code 0 with null'),
  runningData: z.enum(['socket', 'null', 'absent']).default('socket').describe('data of an 804'),
  failedReason: z.enum(['strings', 'arrays', 'text', 'absent']).default('strings').describe('shape of failedReason; absent: no data at all in v1'),
  costs: z.enum(['strings', 'bare']).default('strings').describe('bare: taskCostTime as a number, and no other cost'),
  promptTips: z.enum(['usual', 'null', 'empty', 'broken']).default('usual').describe('what promptTips is when there are no node errors'),
  statusObject: z.boolean().default(false).describe('status answers {taskStatus}'),
  cancelledStatus: z.enum(['', 'CANCEL', 'CANCELED', 'CANCELLED']).default('').describe('what v2 query calls a cancelled task'),
  deafToCancel: z.boolean().default(false).describe('cancel answers 0 and the task goes on'),
  oldNodeMessages: z.boolean().default(false).describe('803 says APIKEY_INVALID_NODE_INFO instead of NODE_INFO_MISMATCH(…)'),
  numericIds: z.boolean().default(false).describe('ids of tasks go out as bare numbers'),
  stringCodes: z.boolean().default(false).describe('code goes out as text'),
  noErrorMessages: z.boolean().default(false).describe('errorMessages is left out'),
  successMsg: z.enum(['usual', 'SUCCESS', 'empty', 'alternating']).default('usual').describe('msg beside code 0'),
  uploadLimitBytes: z.number().int().min(0).default(30 * 1024 * 1024).describe('larger files are refused: 809, v2 1008'),
  uploadCode200: z.boolean().default(false).describe('uploads answer code 200, v1 with filename'),
  resultsExpired: z.boolean().default(false).describe('every result URL answers 403'),
  resultLifeMs: z.number().min(0).default(24 * 3_600_000).describe('how long a result URL lives'),
  webhookShape: WebhookShape.default('string').describe('body of a webhook: eventData as JSON text, as a v1 or v2 object, a bare v2 object, unparsable, or empty'),
  webhookCopies: times.default(1).describe('deliveries of each webhook; 0: it is lost'),
  webhookDelayMs: delay.default(0).describe('time between the end of a task and its webhook'),
  webhookRetries: times.default(3).describe('how often a failed delivery is tried again'),
  webhookRetryMs: delay.default(200).describe('time between these'),
  socketFrames: z.enum(['usual', 'binary', 'none']).default('usual').describe('progress frames; binary: previews between them'),
  dropSocketAfterFrames: z.number().int().min(1).nullable().default(null).describe('cut each progress socket (1006) once it was sent so many frames'),
  refuseSockets: z.boolean().default(false).describe('answer 503 to every progress socket'),
});
export type KnobState = z.infer<typeof KnobState>;
const KnobPatch = KnobState.partial();
export type KnobPatch = z.input<typeof KnobPatch>;

/** Faults and shapes on demand. */
export class Knobs {
  #state: KnobState;
  readonly #changes = new EventEmitter();

  constructor(initial: KnobPatch = {}) {
    this.#state = KnobState.parse(initial);
    this.#changes.setMaxListeners(0);
  }

  get state(): Readonly<KnobState> {
    return this.#state;
  }

  /** Changes the given knobs and leaves the others. Throws ZodError when one is unknown or out of range. */
  set(patch: unknown): void {
    const checked = KnobPatch.parse(patch);
    const given = Object.keys(z.record(z.string(), z.unknown()).parse(patch));
    const chosen = Object.fromEntries(Object.entries(checked).filter(([name]) => given.includes(name)));
    this.#state = KnobState.parse({ ...this.#state, ...chosen });
    this.#changes.emit('change');
  }

  reset(): void {
    this.set(KnobState.parse({}));
  }

  onChange(heard: () => void): void {
    this.#changes.on('change', heard);
  }

  /** Uses up one step of this route. */
  takeStep(route: RouteName): Step | undefined {
    const [step, ...later] = this.#state.next[route] ?? [];
    if (!step) return undefined;
    const left = step.times > 1 ? [{ ...step, times: step.times - 1 }, ...later] : later;
    this.#state = { ...this.#state, next: { ...this.#state.next, [route]: left } };
    return step;
  }

  takeOutcome(): Outcome {
    const [outcome, ...later] = this.#state.outcomes;
    this.#state = { ...this.#state, outcomes: later };
    return outcome ?? this.#state.outcome;
  }

  /** Uses up one null answer; false if there is none left. */
  takeNullOutput(): boolean {
    const left = this.#state.nullOutputs;
    if (left > 0) this.#state = { ...this.#state, nullOutputs: left - 1 };
    return left > 0;
  }
}
