/**
 * Nouns of RunningHub, a hosted ComfyUI, that more than one room uses. Ids have up to 19 digits: they are texts, never
 * numbers. Amounts (coins, money, seconds) are texts as RunningHub wrote them.
 */
import type { Readable } from 'node:stream';
import { z } from 'zod';
import type { Fault } from './problem.ts';
import type { PromptError } from './prompt-state.ts';

/** `unknown`: RunningHub said nothing that tells; ask again for a bounded time. */
export const hubStates = ['queued', 'running', 'succeeded', 'failed', 'cancelled', 'unknown'] as const;
export type HubState = (typeof hubStates)[number];

/** Where the key goes in calls of the first generation. Those of the second take the header alone. */
export const hubKeyPlaces = ['body', 'header', 'both'] as const;
export type HubKeyPlace = (typeof hubKeyPlaces)[number];

export const hubDialects = ['v1', 'alt-v1'] as const;
export type HubDialect = (typeof hubDialects)[number];

/** A workflow or an app that lies there. */
export interface HubTarget {
  readonly kind: 'workflow' | 'app';
  readonly id: string;
  /** Of a workflow or an app that needs one. */
  readonly accessPassword?: string | undefined;
  /** `default`, `plus`, `ultra`: on which machines. */
  readonly instanceType?: string | undefined;
}

export interface HubAccount {
  /** `https://www.runninghub.cn` or `https://www.runninghub.ai`: keys and ids of one are unknown to the other. */
  readonly baseUrl: string;
  readonly apiKey: string;
  readonly keyPlace: HubKeyPlace;
  /** Milliseconds for a call, uploads included. */
  readonly timeoutMs: number;
  /** `alt-v1` is unproven: no official document knows it. */
  readonly dialect?: HubDialect;
}

/** What is odd about an account, for whoever looks for faults. */
export interface HubAccountFacts {
  /** Where calls go. */
  readonly url: string;
  readonly keyHadWhitespace: boolean;
  readonly warnings: readonly string[];
}

/** A file on its way to RunningHub. `open` is called when the upload begins, again if it is repeated. */
export interface HubUpload {
  readonly name: string;
  readonly mediaType: string;
  readonly size: number;
  readonly open: () => Readable;
}

/** Sets one input of a node. The value is sent as text, a long number with every digit. */
export interface HubNodeInfo {
  readonly nodeId: string;
  readonly fieldName: string;
  readonly fieldValue: unknown;
}

/** How to run a workflow or an app. `addMetadata` and `workflow` (a graph in API format, in place of the saved one) are for workflows alone. */
export interface HubRun {
  readonly nodeInfoList: readonly HubNodeInfo[];
  readonly webhookUrl?: string | undefined;
  readonly instanceType?: string | undefined;
  readonly usePersonalQueue?: boolean | undefined;
  readonly retainSeconds?: number | undefined;
  readonly accessPassword?: string | undefined;
  readonly addMetadata?: boolean | undefined;
  readonly workflow?: Readonly<Record<string, unknown>> | undefined;
}

/** What became of a submit. There is no idempotency key, so only `refused` with `again` may be repeated. */
export type HubSubmitOutcome =
  /** `faults`: nodes that RunningHub found wrong; such a task usually fails or leaves outputs out. */
  | { readonly kind: 'accepted'; readonly taskId: string; readonly state: HubState; readonly faults: readonly Fault[] }
  /** Nothing was created. `again`: the same submit may be taken after so many milliseconds; the pause should grow. */
  | { readonly kind: 'refused'; readonly error: unknown; readonly again: { readonly afterMs: number } | undefined }
  /** It may have been created, and cost money: never submit it again. `late`: no answer in time. */
  | { readonly kind: 'unknown'; readonly error: unknown; readonly taskId: string | undefined; readonly late: boolean };

export interface HubOutput {
  /** Good for a day. Calls to it must not carry the key. */
  readonly url: string | undefined;
  /** Content of an output that is a text, where it came along. */
  readonly text: string | undefined;
  /** `png`, `mp4`, `txt`, …; empty where nothing tells. */
  readonly fileType: string;
  readonly nodeId: string | undefined;
}

/** Of the whole task. */
export interface HubCosts {
  readonly seconds: string | undefined;
  readonly coins: string | undefined;
  readonly money: string | undefined;
  readonly thirdPartyMoney: string | undefined;
}

export interface HubTask {
  readonly state: HubState;
  /** RunningHub does not know the task, or no more; shortly after a submit it may be too early. The state is `unknown` then. */
  readonly gone: boolean;
  /** None although it succeeded: nothing to see came out. */
  readonly outputs: readonly HubOutput[];
  readonly costs: HubCosts;
  readonly failure: PromptError | undefined;
}

/** How far a task is. `done`: nodes that have run, or did not have to. `value` of `max` steps of `node`. */
export interface HubProgress {
  readonly node: string | null;
  readonly done: number;
  readonly value: number | undefined;
  readonly max: number | undefined;
}

/** `requested`: what comes of it is told by the task. `already_ended`: ask for its outputs. */
export type HubCancelOutcome = 'requested' | 'already_ended' | 'not_found' | 'not_supported';

export interface HubAccountStatus {
  readonly coins: string | undefined;
  readonly money: string | undefined;
  readonly currency: string | undefined;
  /** `NORMAL`, `SHARED`, `EXCLUSIVE`, … */
  readonly keyType: string | undefined;
  /** Tasks that run now, of every program with this account. */
  readonly running: number | undefined;
}

export interface HubQueueStatus {
  /** Tasks that the account may have at once. */
  readonly concurrentLimit: number | undefined;
  readonly running: number | undefined;
  readonly queued: number | undefined;
  readonly keyType: string | undefined;
}

/** How an engine calls a task of RunningHub: ids there are digits, ours are none. Those of the alt-v1 dialect may be anything, and are marked. */
const ofHub = 'hub_';
export const hubJobId = (taskId: string): string => (/^\d+$/.test(taskId) ? taskId : `${ofHub}${taskId}`);
/** RunningHub's own id of that job; undefined where the id of the job is ours. */
export function hubTaskId(jobId: string): string | undefined {
  if (jobId.startsWith(ofHub)) return jobId.slice(ofHub.length);
  return /^\d+$/.test(jobId) ? jobId : undefined;
}

/** A number; an integer beyond 2^53 as text with its digits. */
const AppNumber = z.union([z.number(), z.string()]);

export const HubAppInput = z
  .object({
    node_id: z.string(),
    class_type: z.string(),
    field: z.string(),
    type: z.string().meta({ description: 'STRING, INT, FLOAT, BOOLEAN, LIST, SWITCH, IMAGE, AUDIO, VIDEO, CKPT, LORA; others may come.' }),
    value: z.string().optional().meta({ description: 'What the app runs with when nothing else is given.' }),
    label: z.string().optional(),
    label_cn: z.string().optional(),
    label_en: z.string().optional(),
    options: z.array(z.object({ value: z.string(), label: z.string().optional() })).optional().meta({ description: 'Allowed values, where RunningHub lists them.' }),
    default: z.union([z.string(), z.number(), z.boolean()]).optional(),
    min: AppNumber.optional(),
    max: AppNumber.optional(),
    step: AppNumber.optional(),
    multiline: z.boolean().optional(),
    tooltip: z.string().optional(),
    upload: z.enum(['image', 'audio', 'video']).optional().meta({ description: 'The value is the name of an uploaded file of this kind.' }),
  })
  .meta({ id: 'HubAppInput' });
export type HubAppInput = z.infer<typeof HubAppInput>;

export const HubApp = z
  .object({
    name: z.string(),
    description: z.string().meta({ description: 'Plain text.' }),
    description_en: z.string(),
    needs_password: z.boolean(),
    statistics: z.record(z.string(), z.string()),
    covers: z.array(z.object({ url: z.string(), thumbnail_url: z.string().optional(), width: z.string().optional(), height: z.string().optional() })),
    tags: z.array(z.object({ id: z.string().optional(), name: z.string(), name_en: z.string().optional() })),
    inputs: z.array(HubAppInput),
  })
  .meta({ id: 'HubApp', description: 'An AI app of RunningHub and what may be set of it.' });
export type HubApp = z.infer<typeof HubApp>;

/**
 * What RunningHub is asked. Nothing that comes back or is thrown holds the key. Everything but the two submits throws:
 * CONNECTION_ERROR without an answer, ENGINE_UNAUTHORIZED, ENGINE_WORKFLOW_NOT_FOUND, RATE_LIMITED, QUEUE_FULL,
 * PAYLOAD_TOO_LARGE, VALIDATION_ERROR, or UPSTREAM_ERROR. A failed look is not a failed task.
 */
export interface RunningHubApi {
  /** Answers the value to set in a loader's input. It is good for about a day. */
  upload(file: HubUpload, signal: AbortSignal): Promise<{ fileName: string }>;
  /** Never throws for what RunningHub does: the outcome says what is known. */
  runWorkflow(workflowId: string, run: HubRun, signal: AbortSignal): Promise<HubSubmitOutcome>;
  runApp(webappId: string, run: HubRun, signal: AbortSignal): Promise<HubSubmitOutcome>;
  outputs(taskId: string, signal: AbortSignal): Promise<HubTask>;
  /** The bare state, without outputs, costs or the reason of a failure. */
  status(taskId: string, signal: AbortSignal): Promise<HubTask>;
  /** As `outputs`, with the content of texts, and with cancelled tasks told as such. */
  query(taskId: string, signal: AbortSignal): Promise<HubTask>;
  /** What the progress socket of a running task says, until it ends; it tells of no ending. Throws CONNECTION_ERROR, UPSTREAM_ERROR. */
  progress(taskId: string, signal: AbortSignal): AsyncIterable<HubProgress>;
  cancel(taskId: string, signal: AbortSignal): Promise<HubCancelOutcome>;
  /** Costs nothing: whether the key is good. */
  accountStatus(signal: AbortSignal): Promise<HubAccountStatus>;
  queueStatus(signal: AbortSignal): Promise<HubQueueStatus>;
  appInfo(webappId: string, signal: AbortSignal): Promise<HubApp>;
  /** The saved graph in API format, digits kept. */
  workflowFormat(workflowId: string, signal: AbortSignal): Promise<Readonly<Record<string, unknown>>>;
}
