/** What a workflow is refused for because of the files that it names. */
import { limits } from '../../constants/limits.ts';
import { fail, type GatewayError } from '../../core/errors.ts';
import type { Fault } from '../../models/problem.ts';
import type { Mention } from '../../molecules/graph/file-mentions.ts';
import type { InputPlace } from '../../molecules/graph/read.ts';
import { told } from '../../molecules/graph/told.ts';

const placeOf = ({ nodeId, classType, input }: InputPlace) => ({ node_id: told(nodeId), class_type: told(classType), input: told(input) });

/** The same words for a file of another key and for one that never was: nobody learns that it is there. */
export function notYours(place: InputPlace & { readonly value: string }): Fault {
  return { ...placeOf(place), type: 'file_not_found', reason: `Node "${told(place.nodeId)}" reads "${told(place.value)}", and you have no such file.` };
}

/** Of a mention that needs no look at the records. */
export function faultOf(mention: Exclude<Mention, { kind: 'path' }>): Fault {
  switch (mention.kind) {
    case 'outside':
      return notYours(mention);
    case 'folder':
      return { ...placeOf(mention), type: 'folder_not_allowed', reason: `Node "${told(mention.nodeId)}" reads all files of a folder, which may be other callers'; only an admin key may do that.` };
    case 'link':
      return { ...placeOf(mention), type: 'file_name_linked', reason: `Input "${told(mention.input)}" of node "${told(mention.nodeId)}" gets the name of its file from another node; write the name itself.` };
    default: {
      const never: never = mention;
      return never;
    }
  }
}

export function tooManyFiles(): GatewayError {
  const reason = `The workflow names more than ${limits.fileReferences} files.`;
  return fail('WORKFLOW_VALIDATION_ERROR', reason, { faults: [{ type: 'too_many_files', reason }] });
}
