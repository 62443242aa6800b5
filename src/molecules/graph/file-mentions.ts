/**
 * Texts that are no file names by declaration, but that a node may take for one: a choice out of the listing of a
 * folder, a path in a text field. Whoever may not use every file must not name somebody else's there. Pure.
 */
import { limits } from '../../constants/limits.ts';
import type { NodeDeclarations } from '../../models/node-declaration.ts';
import { isAnnotatedFile, leadsOut, pathName, type PathName } from './names.ts';
import { type InputPlace, inputsOf, linkedNode } from './read.ts';
import { type InputRole, rolesBy } from './roles.ts';
import { eachText } from './texts.ts';

/** `path`: a file that may be somebody's. `outside`: leads out of its folder. `folder`: all files of one. `link`: a name that another node makes. */
export type Mention =
  | (InputPlace & { readonly kind: 'path'; readonly value: string; readonly path: PathName })
  | (InputPlace & { readonly kind: 'outside'; readonly value: string })
  | (InputPlace & { readonly kind: 'folder' })
  | (InputPlace & { readonly kind: 'link' });

const FOLDER = /folder|director/i;
const LOADS = /load/i;

/** A list of more than `limits.fileReferences` is cut off after one more. */
export function fileMentions(workflow: Readonly<Record<string, unknown>>, all: readonly NodeDeclarations[]): Mention[] {
  const found: Mention[] = [];
  const roles = rolesBy(all);
  for (const { value, ...place } of inputsOf(workflow)) {
    const declared = roles(place.classType, place.input);
    const wholeFolder = declared.role === 'choice' && FOLDER.test(place.input) && LOADS.test(place.classType);
    if (linkedNode(value) !== undefined) {
      if (wholeFolder || (declared.role === 'upload' && declared.takesText)) found.push({ ...place, kind: 'link' });
      continue;
    }
    if (declared.role === 'upload') continue;
    eachText(value, (text) => {
      if (found.length > limits.fileReferences) return;
      if (wholeFolder) found.push({ ...place, kind: 'folder' });
      else if (!isAnnotatedFile(text)) mentioned(text, { place, declared, found });
    });
  }
  return found;
}

function mentioned(text: string, { place, declared, found }: { place: InputPlace; declared: InputRole; found: Mention[] }): void {
  const path = pathName(text);
  if (declared.role === 'choice' ? leadsOut(text) && !declared.offers(text) : declared.role === 'other' && path && leadsOut(text)) {
    found.push({ ...place, kind: 'outside', value: text });
  } else {
    for (const line of linesOf(text)) {
      if (found.length > limits.fileReferences) return;
      const named = pathName(line);
      if (named) found.push({ ...place, kind: 'path', value: line, path: named });
    }
  }
}

/** One at a time: a text may be long, and a list of paths stands in few. */
function* linesOf(text: string): Generator<string> {
  for (let from = 0; from <= text.length; ) {
    const end = text.indexOf('\n', from);
    yield text.slice(from, end < 0 ? undefined : end);
    if (end < 0) return;
    from = end + 1;
  }
}
