/** From what we want to what RunningHub takes. Pure. */
import { stringifyJson } from '../../atoms/json/json.ts';
import type { HubNodeInfo, HubRun, HubUpload } from '../../models/runninghub.ts';
import { textOf } from './wire.ts';

/** What runs of workflows and apps share. What is not given is left out. */
export function bodyOf(run: HubRun): Readonly<Record<string, unknown>> {
  const { webhookUrl, instanceType, usePersonalQueue, retainSeconds, accessPassword } = run;
  return { nodeInfoList: run.nodeInfoList.map(entryOf), webhookUrl, instanceType, usePersonalQueue, retainSeconds, accessPassword };
}

const entryOf = ({ nodeId, fieldName, fieldValue }: HubNodeInfo) => ({ nodeId, fieldName, fieldValue: valueOf(fieldValue) });

/** Values travel as texts, which the service converts: numbers beyond 2^53 would be rounded. */
export function valueOf(value: unknown): string {
  if (value === null || value === undefined) return '';
  return textOf(value) ?? (typeof value === 'bigint' ? String(value) : stringifyJson(value));
}

const extensions: ReadonlyMap<string, string> = new Map([['jpeg', 'jpg'], ['mpeg', 'mp3'], ['quicktime', 'mov'], ['x-matroska', 'mkv'], ['x-wav', 'wav'], ['x-msvideo', 'avi']]);

/** RunningHub tells kinds of files by the extension, so a name without one gets that of its media type. */
export function namedForUpload(file: Pick<HubUpload, 'name' | 'mediaType'>): string {
  if (/\.[a-z\d]{1,8}$/i.test(file.name)) return file.name;
  const subtype = /^[^/]+\/([a-z\d.+-]+)/i.exec(file.mediaType)?.[1]?.toLowerCase() ?? 'bin';
  return `${file.name || 'file'}.${extensions.get(subtype) ?? (/^[a-z\d]{1,8}$/.test(subtype) ? subtype : 'bin')}`;
}
