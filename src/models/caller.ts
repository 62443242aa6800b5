/** Who calls: the name of an API key. Everything a caller makes belongs to that name, also after a restart. */
export interface Caller {
  readonly key: string;
  /** Sees and acts on everybody's prompts and files. Everyone is admin under `AUTH=off`. */
  readonly admin: boolean;
}

/** Whether `caller` may see what belongs to `owner`; undefined is what no key of ours made. */
export function owns(caller: Caller, owner: string | undefined): boolean {
  return caller.admin || owner === caller.key;
}
