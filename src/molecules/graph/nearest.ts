/** What was probably meant, where ComfyUI does not say: it leaves out lists of more than 20 values, and names no class like an unknown one. Pure. */
import { closestMatch } from 'leven';
import { limits } from '../../constants/limits.ts';
import type { NodeDeclarations } from '../../models/node-declaration.ts';
import type { Fault } from '../../models/problem.ts';
import { nodesOf } from './read.ts';
import { unwrapped } from './texts.ts';
import { told } from './told.ts';

/** Names of callers' files are nobody else's to know; a list may be the listing of a folder with such. */
const FILE = /\.(png|jpe?g|webp|gif|bmp|tiff?|mp4|webm|mov|m4v|wav|mp3|flac|ogg|avif|latent)( \[\w+\])?$/i;
/** Longer words are compared with nothing: it takes time. */
const LONGEST = 200;

/** Whether a list has names of files that may be somebody's. */
export const isListing = (options: readonly string[]): boolean => options.some((option) => FILE.test(option));

/** Finds the candidate nearest to a word. */
export type FindNearest = (word: string, candidates: readonly string[]) => { readonly nearest?: string };

/** Finds the same word in the same list once, and nothing any more after `limits.nearestWork` comparisons of letters. */
export function nearestFinder(): FindNearest {
  const found = new Map<readonly string[], Map<string, { nearest?: string }>>();
  let left: number = limits.nearestWork;
  return (word, candidates) => {
    const known = found.get(candidates) ?? new Map<string, { nearest?: string }>();
    found.set(candidates, known);
    const before = known.get(word);
    if (before) return before;
    left -= candidates.length * Math.min(word.length, LONGEST) ** 2;
    const nearest = left < 0 ? {} : near(word, candidates);
    known.set(word, nearest);
    return nearest;
  };
}

/** Adds `nearest`, and `class_type` where ComfyUI named the node alone. */
export function withNearest(faults: readonly Fault[], workflow: Readonly<Record<string, unknown>>, declarations: NodeDeclarations): Fault[] {
  const { nodes } = nodesOf(workflow);
  return faults.map((fault) => {
    const node = nodes.get(fault.node_id ?? '');
    if (!node || fault.nearest !== undefined) return fault;
    if (!declarations.has(node.classType)) return { ...fault, class_type: told(node.classType), ...near(node.classType, [...declarations.keys()]) };
    if (fault.type !== 'value_not_in_list' || fault.input === undefined) return fault;
    const declared = declarations.get(node.classType)?.inputs.get(fault.input);
    const value = unwrapped(node.inputs[fault.input]);
    if (!declared?.options || declared.upload || isListing(declared.options) || typeof value !== 'string') return fault;
    return { ...fault, ...near(value, declared.options) };
  });
}

function near(word: string, candidates: readonly string[]): { nearest?: string } {
  const nearest = word.length > LONGEST ? undefined : closestMatch(word, candidates, { maxDistance: Math.max(3, Math.floor(word.length / 2)) });
  return nearest === undefined ? {} : { nearest };
}
