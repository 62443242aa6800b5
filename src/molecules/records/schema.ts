import type { Kysely } from 'kysely';
import type { FileType } from '../../models/file.ts';
import type { Role } from '../../models/process.ts';
import type { PromptRecord } from '../../models/records.ts';
import type { TaskTables } from './task-schema.ts';

interface PromptRow {
  prompt_id: string;
  owner: string;
  client_id: string;
  instance: string;
  state: PromptRecord['state'];
  created_at: number;
  started_at: number | null;
  ended_at: number | null;
  stop_requested_at: number | null;
  detail: string | null;
  /** Empty for prompts of versions that did not say. */
  process: string;
  accepted_at: number | null;
  unanswered_at: number | null;
  task_id: string | null;
}

interface ProcessRow {
  id: string;
  role: Role;
  host: string;
  pid: number;
  /** 0 once it has ended in order. */
  seen_at: number;
}

/** `owner`, `instance` and `ended_at` repeat what the prompt says, so that the newest file of a name is one step in an index. */
interface OutputRow {
  prompt_id: string;
  position: number;
  owner: string;
  instance: string;
  /** 1 where the node did not run: its file is an earlier prompt's. */
  cached: number;
  ended_at: number;
  node_id: string;
  kind: string;
  filename: string;
  subfolder: string;
  type: FileType;
}

/** Apart from `prompts`, whose rows stay small. */
interface HistoryRow {
  prompt_id: string;
  entry: string;
}

interface InputRow {
  owner: string;
  type: FileType;
  subfolder: string;
  name: string;
  upstream_name: string;
  upstream_subfolder: string;
  hash: string;
  size: number;
  media_type: string;
  path: string;
  created_at: number;
}

/** Which instance has which input. */
interface PlacementRow {
  instance: string;
  type: FileType;
  upstream_subfolder: string;
  upstream_name: string;
}

/** The tables. Times are milliseconds since 1970. */
export interface Tables extends TaskTables {
  prompts: PromptRow;
  outputs: OutputRow;
  histories: HistoryRow;
  inputs: InputRow;
  placements: PlacementRow;
  processes: ProcessRow;
}

export type Records = Kysely<Tables>;
