/** What an input is to the nodes that read it, by what instances declare. Pure. */
import type { InputDeclaration, NodeDeclarations } from '../../models/node-declaration.ts';

/**
 * `upload`: ComfyUI takes texts for names of files. `choice`: one of a list, which may be the listing of a folder.
 * `text`: words, or a path for a node that reads paths. `other`: a type of its own, or declared nowhere.
 */
export type Role = 'upload' | 'choice' | 'text' | 'other';

export interface InputRole {
  readonly role: Role;
  /** Whether a link into the input brings a text. */
  readonly takesText: boolean;
  /** Whether the list of some instance has that value. */
  readonly offers: (value: string) => boolean;
}

const strictest: readonly Role[] = ['upload', 'choice', 'other', 'text'];

/** Roles of inputs where any of these instances may run the workflow: the strictest counts. */
export function rolesBy(all: readonly NodeDeclarations[]): (classType: string, input: string) => InputRole {
  return (classType, input) => {
    const declared = all.flatMap((declarations) => {
      const node = declarations.get(classType);
      return node ? [node.inputs.get(input)] : [];
    });
    const roles = new Set(declared.map(roleOf));
    return {
      role: strictest.find((role) => roles.has(role)) ?? 'other',
      takesText: declared.some((one) => one?.type === 'COMBO' || one?.type === 'STRING'),
      offers: (value) => declared.some((one) => one?.options?.includes(value)),
    };
  };
}

function roleOf(declared: InputDeclaration | undefined): Role {
  if (declared?.upload) return 'upload';
  if (declared?.type === 'COMBO') return 'choice';
  return declared?.type === 'STRING' ? 'text' : 'other';
}
