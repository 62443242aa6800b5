/** What both older RunningHub services share: from their bodies to an order, from a task to their words, and uploads. */
import { limits as constants } from '../../../constants/limits.ts';
import { service } from '../../../constants/service.ts';
import { fail } from '../../../core/errors.ts';
import { hubStatuses } from '../../../coordinator/tasks/hosted.ts';
import type { HubOrder, HubTask } from '../../../coordinator/tasks/hub-tasks.ts';
import type { HubRunBody, HubTaskState, HubUploaded } from '../../../models/runninghub-surfaces.ts';
import { type MediaKind, mediaKinds } from '../../../models/template.ts';
import { bodySilence } from '../body.ts';
import type { RouteContext } from '../route.ts';
import { bytesOf, type RouteDeps } from './deps.ts';
import { idempotencyKeyOf, taskHeaders } from './task-body.ts';

export const hubErrors = ['ENGINE_NOT_REGISTERED', 'ENGINE_UNAUTHORIZED', 'ENGINE_WORKFLOW_NOT_FOUND', 'CONNECTION_ERROR', 'UPSTREAM_ERROR'] as const;
/** What creating calls may be refused with beside. */
export const runErrors = [...hubErrors, 'ENGINE_OUTCOME_UNKNOWN', 'WORKFLOW_VALIDATION_ERROR', 'QUEUE_FULL'] as const;

export const runHeaders = { 'Idempotency-Key': { ...taskHeaders['Idempotency-Key'], description: '1 to 255 printable characters. The same call with the same key within 24 hours is answered with the task that it made.' } };

/** What to run, for `create` and `run`. A file that we handed out may be named by its whole URL. */
export function orderOf(context: Pick<RouteContext<unknown, unknown, HubRunBody>, 'body' | 'letGo' | 'request'>, enough: AbortSignal): HubOrder {
  const { body: { webappId, workflowId, nodeInfoList, ...body }, letGo: kept } = context;
  const own = whole(`${service.download}?`, context);
  const shortened = (value: unknown): unknown => (typeof value === 'string' && value.startsWith(own) ? value.slice(own.length - service.download.length - 1) : value);
  const how = { accessPassword: body.accessPassword ?? undefined, instanceType: body.instanceType ?? undefined };
  const target = webappId === undefined || webappId === null ? { kind: 'workflow' as const, id: workflowId ?? '', ...how } : { kind: 'app' as const, id: webappId, ...how };
  return { target, kept, enough, idempotencyKey: idempotencyKeyOf(context), values: (nodeInfoList ?? []).map(({ nodeId, fieldName, fieldValue, fieldType }) => ({ nodeId, fieldName, fieldValue: shortened(fieldValue), media: mediaOf(fieldType) })) };
}

const mediaOf = (type: string | null | undefined): MediaKind | undefined => mediaKinds.find((kind) => kind === type?.toLowerCase());

export function idsOf({ id, view }: HubTask): Pick<HubTaskState, 'task_id' | 'taskId' | 'gateway_task_id'> {
  return { task_id: id, taskId: id, gateway_task_id: view.task_id };
}

export function stateOf(task: HubTask): HubTaskState {
  const { status, progress } = task.view;
  return { ...idsOf(task), status: hubStatuses[status], progress, error: failureOf(task), ...notesOf(task) };
}

export function notesOf({ view: { waiting_for: reason, warnings } }: HubTask): Pick<HubTaskState, 'waiting_for' | 'warnings'> {
  return { ...(reason === undefined ? {} : { waiting_for: reason }), ...(warnings === undefined ? {} : { warnings }) };
}

export function failureOf({ view: { status, error } }: HubTask): HubTaskState['error'] {
  if (status === 'failed' && error) return { code: error.code, reason: error.reason };
  return status === 'cancelled' ? { code: 'CANCELLED', reason: 'It was cancelled.' } : null;
}

/** Callers of these services fetch what they are told: without PUBLIC_URL, from where they called. */
export function whole(url: string, { request }: Pick<RouteContext, 'request'>): string {
  return new URL(url, `${request.protocol}://${request.headers.host ?? 'localhost'}`).href;
}

/** Kept as an input of the caller. It goes to RunningHub with the first task that needs it. */
export async function received({ config, images, readMultipart }: Pick<RouteDeps, 'config' | 'images' | 'readMultipart'>, context: RouteContext): Promise<HubUploaded> {
  const { caller, request, signal } = context;
  const own = bytesOf(config.MAX_UPLOAD_MB);
  const most = Math.min(own, constants.runninghubUploadBytes);
  const limits = { fileBytes: most, fileBytesName: most < own ? 'RunningHub' : 'MAX_UPLOAD_MB', fieldBytes: 4_096, fields: 16, silence: bodySilence };
  const { fields, file } = await readMultipart(request, { headers: request.headers, limits, signal });
  try {
    if (file.field !== 'file') throw fail('VALIDATION_ERROR', `the file stands in the field "${file.field}"; it must be "file"`);
    const details = { overwrite: false, subfolder: '', type: 'input' as const };
    const { name, url, size } = await images.upload(caller, { filename: file.filename || 'upload', body: file.body, details: () => details }, signal);
    return { fileName: name, fileType: (fields()['file_type'] ?? fields()['fileType'] ?? 'input').slice(0, 64), url: whole(url, context), size };
  } finally {
    file.body.destroy();
  }
}
