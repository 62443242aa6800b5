/** RunningHub's replies, read with patience: whatever may be missing, null, or a number in place of a text, is. */
import { z } from 'zod';
import { parseJson, parseLenientJson } from '../../atoms/json/json.ts';

/** What the text says as JSON, digits kept; undefined where it is none, or too much of it. What Python wrote may hold NaN. */
export function jsonOf(text: string): unknown {
  try {
    return parseJson(text);
  } catch (error) {
    return error instanceof SyntaxError ? lenient(text) : undefined;
  }
}

function lenient(text: string): unknown {
  try {
    return parseLenientJson(text);
  } catch (error) {
    if (error instanceof SyntaxError) return undefined;
    throw error;
  }
}

/** A text; a number or a truth value as text, every digit kept; undefined for anything else. */
export function textOf(value: unknown): string | undefined {
  if (typeof value === 'string') return value;
  if (typeof value === 'number' || typeof value === 'boolean') return String(value);
  return JSON.isRawJSON(value) ? value.rawJSON : undefined;
}

/** What a task or a workflow may be called: it stands in addresses and in names of files. */
export const isId = (text: string): boolean => /^[\w-]{1,128}$/.test(text);

export const isRecord = (value: unknown): value is Readonly<Record<string, unknown>> => typeof value === 'object' && value !== null && !Array.isArray(value) && !JSON.isRawJSON(value);

/** A text that says something. */
const Text = z.unknown().optional().transform((value) => textOf(value) || undefined);
/** A count: a number, or its digits. */
const Count = Text.transform((text) => (text !== undefined && /^\d{1,15}$/.test(text) ? Number(text) : undefined));
const Flag = z.unknown().optional().transform((value) => value === true || value === 'true');
/** Entries of a list that are such; none where there is no list. */
const listOf = <T extends z.ZodType>(entry: T) =>
  z.unknown().optional().transform((value) => (Array.isArray(value) ? value : []).flatMap((one: unknown) => {
    const parsed = entry.safeParse(one);
    return parsed.success ? [parsed.data] : [];
  }));

export const Uploaded = z.object({ fileName: Text, filename: Text }).transform(({ fileName, filename }) => fileName ?? filename);

/** `data` of create and ai-app/run, and the whole of a flat answer. */
export const Submitted = z.object({ taskId: Text, taskStatus: Text, status: Text, promptTips: z.unknown().optional() });

/** An entry of `data` of outputs, or of `results` of query. */
export const Output = z.object({
  fileUrl: Text, url: Text, text: Text, fileType: Text, outputType: Text, nodeId: Text,
  taskCostTime: Text, consumeCoins: Text, consumeMoney: Text, thirdPartyConsumeMoney: Text,
});
export type Output = z.infer<typeof Output>;

export const Usage = Output.pick({ taskCostTime: true, consumeCoins: true, consumeMoney: true, thirdPartyConsumeMoney: true });

export const Queried = z.object({ taskId: Text, status: Text, results: z.unknown().optional(), usage: z.unknown().optional(), failedReason: z.unknown().optional() });

/** Inputs and outputs of the node that failed are left out: they hold what callers wrote. */
export const FailedReason = z.object({ node_id: Text, node_name: Text, exception_type: Text, exception_message: Text, traceback: z.unknown().optional() });
export type FailedReason = z.infer<typeof FailedReason>;

/** `apikey` in all lower case is this call's own spelling. */
export const AccountStatus = z.object({ remainCoins: Text, currentTaskCounts: Count, remainMoney: Text, currency: Text, apiType: Text });

export const QueueStatus = z.object({ apiKeyType: Text, concurrentLimit: Count, runningCount: Count, queuedCount: Count });

/** Of a message of the progress socket. */
const Share = z.unknown().optional().transform((value) => (typeof value === 'number' && Number.isFinite(value) ? value : undefined));
export const ProgressData = z.object({ node: Text, nodes: listOf(Text.pipe(z.string())), value: Share, max: Share });

export const WorkflowFormat = z.object({ prompt: z.unknown().optional() });

export const AppInput = z.object({
  nodeId: Text.pipe(z.string()), fieldName: Text.pipe(z.string()), nodeName: Text, fieldValue: Text, fieldType: Text, fieldData: z.unknown().optional(),
  description: Text, descriptionCn: Text, descriptionEn: Text,
});
export type AppInput = z.infer<typeof AppInput>;

/** `curl`, called `url` in older documents, is not read: it holds the key. */
export const App = z.object({
  webappName: Text, description: Text, descriptionEn: Text, accessEncrypted: Flag,
  statisticsInfo: z.unknown().optional().transform((value) => (isRecord(value) ? value : {})),
  nodeInfoList: listOf(AppInput),
  covers: listOf(z.object({ url: Text.pipe(z.string()), thumbnailUri: Text, imageWidth: Text, imageHeight: Text })),
  tags: listOf(z.object({ id: Text, name: Text.pipe(z.string()), nameEn: Text })),
});
export type App = z.infer<typeof App>;

/** Of the alt-v1 dialect; everything but `task_id` and `status` is a guess. */
export const AltUploaded = z.object({ url: Text });
export const AltTask = z.object({ task_id: Text, status: Text, result: z.unknown().optional(), error: Text });
