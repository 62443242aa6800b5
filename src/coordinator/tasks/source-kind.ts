/** What a caller may say where a file is. Pure. */
import { service } from '../../constants/service.ts';
import type { Workflow } from '../../models/workflow.ts';
import { inputsOf } from '../../molecules/graph/read.ts';
import { eachText } from '../../molecules/graph/texts.ts';

export type SourceKind =
  | { readonly kind: 'data' }
  /** A URL that we handed out. */
  | { readonly kind: 'own'; readonly query: URLSearchParams }
  | { readonly kind: 'url' }
  /** Below the input folder. */
  | { readonly kind: 'path'; readonly path: string }
  | { readonly kind: 'name' };

const REMOTE = /^(https?:\/\/|data:)/i;

/** A URL or a data URI, or a URL of ours without its host. */
export const isRemote = (text: string): boolean => REMOTE.test(text) || text.startsWith(`${service.download}?`);

export function kindOf(source: string, publicUrl: string): SourceKind {
  const own = queryOfOwn(source, publicUrl);
  if (own) return { kind: 'own', query: own };
  if (/^data:/i.test(source)) return { kind: 'data' };
  if (/^https?:\/\//i.test(source)) return { kind: 'url' };
  const path = /^(?:\.\/)?input\/(.+)$/.exec(source)?.[1] ?? (source.startsWith('/') ? source : undefined);
  return path === undefined ? { kind: 'name' } : { kind: 'path', path };
}

function queryOfOwn(source: string, publicUrl: string): URLSearchParams | undefined {
  const base = publicUrl.replace(/\/+$/, '');
  const path = base !== '' && source.startsWith(`${base}/`) ? source.slice(base.length) : source;
  return path.startsWith(`${service.download}?`) ? new URLSearchParams(path.slice(service.download.length + 1)) : undefined;
}

/** Whether any text of the graph may be the address of a file: most have none, and nobody has to be asked what its inputs are. */
export function namesRemote(workflow: Workflow): boolean {
  let found = false;
  for (const { value } of inputsOf(workflow)) eachText(value, (text) => void (found ||= isRemote(text)));
  return found;
}
