import { fail, type GatewayError } from '../../core/errors.ts';
import { type Caller, owns } from '../../models/caller.ts';
import type { FileQuery, FileRef } from '../../models/file.ts';
import type { InputRecord } from '../../models/records.ts';
import type { ImageParts } from './parts.ts';

/** Where a file is that the caller may see. */
export type Location =
  | { readonly kind: 'input'; readonly record: InputRecord }
  | { readonly kind: 'output'; readonly ref: FileRef; readonly promptId: string; readonly instance: string }
  /** Made for a task by an engine that has it no more: there is our copy alone. */
  | { readonly kind: 'kept'; readonly ref: FileRef; readonly promptId: string }
  /** Neither it nor its prompt is recorded; an admin may ask the instances. */
  | { readonly kind: 'foreign'; readonly ref: FileRef };

type LocationParts = Pick<ImageParts, 'records' | 'liveOutput' | 'taskOwner'>;

/** Finds a file by what the records say. IMAGE_NOT_FOUND for what is not the caller's, whether it is there or not. */
export async function locate(parts: LocationParts, caller: Caller, query: FileQuery): Promise<Location> {
  const { prompt_id: promptId, ...ref } = query;
  const found = promptId === undefined ? await byName(parts, caller, ref) : await byPrompt(parts, caller, { promptId, ref });
  if (found) return found;
  if (caller.admin && (promptId === undefined || !(await parts.records.prompts.find(promptId)))) return { kind: 'foreign', ref };
  throw notFound(ref);
}

async function byPrompt(parts: LocationParts, caller: Caller, { promptId, ref }: { promptId: string; ref: FileRef }): Promise<Location | undefined> {
  const output = (await parts.records.prompts.findOutput(promptId, ref)) ?? parts.liveOutput(promptId, ref);
  const owner = output ? undefined : await parts.taskOwner?.(promptId);
  if (owner !== undefined && owns(caller, owner)) return { kind: 'kept', ref, promptId };
  return output && owns(caller, output.key) ? { kind: 'output', ref, promptId, instance: output.instance } : undefined;
}

async function byName(parts: LocationParts, caller: Caller, ref: FileRef): Promise<Location | undefined> {
  const { inputs, prompts } = parts.records;
  const mine = await inputs.find(caller.key, ref);
  if (mine) return { kind: 'input', record: mine };
  const output = await prompts.newestOutput(caller.admin ? undefined : caller.key, ref);
  if (output) return { kind: 'output', ref, promptId: output.promptId, instance: output.instance };
  const upstream = (await inputs.findUpstream([ref.filename])).find((record) => record.type === ref.type && owns(caller, record.key));
  return upstream && { kind: 'input', record: upstream };
}

export function notFound(ref: FileRef, why = ''): GatewayError {
  const name = ref.subfolder === '' ? ref.filename : `${ref.subfolder}/${ref.filename}`;
  return fail('IMAGE_NOT_FOUND', `${ref.type} file "${name.slice(0, 300)}"${why}.`);
}
