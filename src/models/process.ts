/**
 * Processes of this service on one database. Each says who it is and that it lives, so that another can take over what it
 * leaves behind. Times are milliseconds since 1970.
 */
export const roles = ['all', 'api', 'worker'] as const;
/** `all` has doors and works; `api` has doors; `worker` works. */
export type Role = (typeof roles)[number];

export interface ProcessRecord {
  /** Unique for each start. */
  readonly id: string;
  readonly role: Role;
  /** Name of the machine, and the process id there. */
  readonly host: string;
  readonly pid: number;
  readonly seenAt: number;
}

export interface ProcessRecords {
  /** Registers it, or says again that it lives. */
  beat(process: ProcessRecord): Promise<void>;
  all(): Promise<readonly ProcessRecord[]>;
  /** It has ended: seen at 0 from now on, until it is forgotten. What it was is still to be known by whoever takes over. */
  leave(id: string): Promise<void>;
  /** Nothing belongs to these any more. */
  forget(ids: readonly string[]): Promise<void>;
}
