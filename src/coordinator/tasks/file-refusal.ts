/** What is wrong with a file that a task names, in words that name the input of the task. Pure. */
import { fail, failedWith } from '../../core/errors.ts';
import type { Fault } from '../../models/problem.ts';
import type { MediaInput, Template } from '../../models/template.ts';
import { kindOf } from './source-kind.ts';

const SCHEME = /^([a-z][a-z0-9+.-]*):\/\//i;

/** Faults of values that can be known before anything is fetched: ways to a file that are not taken, and addresses that never will be. `check` throws for these. */
export function sourceFaults(template: Template, values: Readonly<Record<string, unknown>>, check: (url: string) => void): Fault[] {
  return Object.entries(template.inputs).flatMap(([name, { type }]) => {
    const source = values[name];
    const scheme = typeof source === 'string' ? SCHEME.exec(source)?.[1]?.toLowerCase() : undefined;
    if ((type !== 'image' && type !== 'video' && type !== 'audio') || typeof source !== 'string' || scheme === undefined) return [];
    const at = (reason: string): Fault[] => [{ input: `inputs.${name}`, type: 'source_not_taken', reason }];
    if (kindOf(source, '').kind !== 'url') return at(`"${scheme}:" is not taken; give the name of an upload, a path below input/, a data: URI, or an http(s) URL`);
    try {
      check(source);
      return [];
    } catch (error) {
      if (!failedWith(error, 'VALIDATION_ERROR')) throw error;
      return at(error.detail.replace(/\.$/, ''));
    }
  });
}

/** The engine does not have a file that the graph names: told by the input of the task that named it, where there is one. Other errors stay as they are. */
export function byInput(error: unknown, media: readonly MediaInput[]): unknown {
  if (!failedWith(error, 'WORKFLOW_VALIDATION_ERROR')) return error;
  const missing = media.find(({ targets }) => error.faults.some((fault) => isFileFault(fault) && targets.some(({ node, input }) => fault.node_id === node && (fault.input ?? input) === input)));
  if (!missing) return error;
  const reason = `input "${missing.name}": you have no upload named "${missing.source.slice(0, 200)}", and the server has no such file; upload it with POST /api/v1/images/upload, or give a data: URI or an http(s) URL`;
  return fail('VALIDATION_ERROR', `${reason}.`, { cause: error, faults: [{ input: `inputs.${missing.name}`, type: 'file_not_found', reason }, ...error.faults] });
}

const isFileFault = ({ type }: Fault): boolean => type === 'custom_validation_failed' || type === 'value_not_in_list' || type === 'file_not_found';
