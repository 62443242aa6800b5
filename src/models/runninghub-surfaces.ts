/** Bodies and answers of the two older RunningHub services. What is not named here, a key above all, is left out when a body is read. */
import { z } from 'zod';
import { limits } from '../constants/limits.ts';
import { HubApp } from './runninghub.ts';

/** Callers send ids as numbers, too; long ones keep their digits. */
const asText = (value: unknown): unknown => (JSON.isRawJSON(value) ? value.rawJSON : typeof value === 'number' ? String(value) : value);
const HubId = z.preprocess(asText, z.string('must be the digits of an id').regex(/^\d{1,20}$/, 'must be the digits of an id'));

/** What else `get_node_info` tells of an input may come back with it. */
const NodeValue = z.looseObject({
  nodeId: z.preprocess(asText, z.string().min(1).max(100)),
  fieldName: z.string().min(1).max(200),
  fieldValue: z.unknown().refine((value) => value !== undefined && value !== null, 'is missing'),
  fieldType: z.string().max(64).nullish(),
  description: z.string().nullish(),
});

export const HubRunBody = z
  .object({
    webappId: HubId.nullish().meta({ description: 'Of an AI app.' }),
    workflowId: HubId.nullish().meta({ description: 'Of a workflow, in place of an app.' }),
    nodeInfoList: z.array(NodeValue).max(limits.runninghubNodes).nullish(),
    accessPassword: z.string().min(1).max(200).nullish().meta({ description: 'Of an app or a workflow that needs one.' }),
    instanceType: z.string().min(1).max(64).nullish().meta({ description: '`default`, `plus` or `ultra`: on which machines it runs.' }),
  })
  .refine(({ webappId, workflowId }) => (webappId ?? undefined) === undefined !== ((workflowId ?? undefined) === undefined), 'give webappId or workflowId, and not both')
  .meta({ id: 'HubRunBody', description: 'What to run, and the values of its inputs. A value that `…/upload` answered with goes to RunningHub as that file.' });
export type HubRunBody = z.infer<typeof HubRunBody>;

export const HubAppBody = z.object({ webappId: HubId });
export const HubTaskBody = z.object({ taskId: z.preprocess(asText, z.string().min(1).max(limits.idLength)) });

export const HubUploadForm = z
  .object({ file: z.string().meta({ format: 'binary', description: 'The file.' }), file_type: z.string().max(64).optional().meta({ description: 'Comes back; what the file is, is seen by its content.' }) })
  .meta({ id: 'HubUploadForm' });
export const HubUploaded = z.object({ fileName: z.string().meta({ description: 'The `fieldValue` for this file.' }), fileType: z.string(), url: z.string(), size: z.number() }).meta({ id: 'HubUploaded' });
export type HubUploaded = z.infer<typeof HubUploaded>;

export const HubTaskStatus = z.enum(['QUEUED', 'RUNNING', 'SUCCESS', 'FAILED', 'TIMEOUT']);
const Failure = z.object({ code: z.string(), reason: z.string() });
const ids = {
  task_id: z.string().meta({ description: 'Of RunningHub; ours where it has none yet. Every path takes either.' }),
  taskId: z.string(),
  gateway_task_id: z.string().meta({ description: 'Of this gateway, for /api/v1/tasks.' }),
};

const notes = {
  waiting_for: z.string().optional().meta({ description: 'Why it is not begun, where that is not because of others before it.' }),
  warnings: z.array(z.string()).optional(),
};

export const HubTaskState = z.object({ ...ids, status: HubTaskStatus, progress: z.number(), error: Failure.nullable(), ...notes }).meta({ id: 'HubTaskState' });
export type HubTaskState = z.infer<typeof HubTaskState>;
export const HubGenerated = HubTaskState.extend({ outputs: z.array(z.string()).meta({ description: 'URLs of the results.' }), texts: z.array(z.string()).meta({ description: 'Results that are texts.' }) }).meta({ id: 'HubGenerated', description: '`TIMEOUT`: MAX_POLL_SECONDS have passed; the task goes on.' });
export type HubGenerated = z.infer<typeof HubGenerated>;

const Result = z.object({ fileUrl: z.string().optional(), text: z.string().optional(), fileType: z.string(), nodeId: z.string() });
export const HubRecord = z
  .object({
    ...ids,
    id: z.string().meta({ description: 'As `task_id`.' }),
    status: HubTaskStatus,
    created_at: z.number().meta({ description: 'Milliseconds since 1970.' }),
    updated_at: z.number(),
    result_data: z.union([z.array(Result), Failure]).nullable().meta({ description: 'Results, or why it failed; null before it has ended.' }),
    ...notes,
    node_info: z.array(z.object({ nodeId: z.string(), fieldName: z.string(), fieldValue: z.unknown() })),
  })
  .meta({ id: 'HubRecord' });
export type HubRecord = z.infer<typeof HubRecord>;

export const HubSubmitted = z.object({ ...ids, taskStatus: HubTaskStatus, error: Failure.nullable() }).meta({ id: 'HubSubmitted' });
export type HubSubmitted = z.infer<typeof HubSubmitted>;

const Option = z.object({ value: z.string(), label: z.string().optional() });
const NodeInfo = z.looseObject({ nodeId: z.string(), nodeName: z.string(), fieldName: z.string(), fieldType: z.string(), fieldValue: z.string().optional(), description: z.string().optional(), options: z.array(Option).optional() });
export const HubAppAnswer = HubApp.extend({ webappId: z.string(), cover: z.string().nullable(), nodeInfoList: z.array(NodeInfo).meta({ description: 'The inputs in the words of RunningHub, to be sent back with other values.' }) }).meta({ id: 'HubAppAnswer' });
export type HubAppAnswer = z.infer<typeof HubAppAnswer>;

/** As RunningHub answers. */
export const enveloped = <T extends z.ZodType>(data: T) => z.object({ code: z.literal(0), msg: z.literal('success'), data });
