import type { FileRef, FileType } from './file.ts';

/** A prompt as the database keeps it. Times are milliseconds since 1970. */
export interface PromptRecord {
  readonly promptId: string;
  /** Name of the API key that made it. */
  readonly key: string;
  readonly clientId: string;
  readonly instance: string;
  readonly state: 'submitted' | 'completed' | 'failed' | 'interrupted';
  readonly createdAt: number;
  readonly startedAt: number | undefined;
  readonly endedAt: number | undefined;
  /** When somebody asked through us to stop it. */
  readonly stopRequestedAt: number | undefined;
  /** Process that follows it; empty for a prompt of an earlier version. */
  readonly process: string;
  /** When its instance was known to have it. */
  readonly acceptedAt: number | undefined;
  /** When its hand-over ended without an answer. Neither this nor `acceptedAt`: it is on its way, or its process died meanwhile. */
  readonly unansweredAt: number | undefined;
  /** The task that it is a run of. */
  readonly taskId: string | undefined;
  /** JSON of what the ending said: `{error}` or `{reason}`. */
  readonly detail: string | undefined;
}

/** One file that a prompt made, on the instance that ran it. */
export interface OutputRecord extends FileRef {
  readonly promptId: string;
  readonly nodeId: string;
  readonly kind: string;
}

/** An output together with the owner and instance of its prompt. */
export interface OwnedOutput extends OutputRecord {
  readonly key: string;
  readonly instance: string;
}

/** Who named a file on an instance last: whose node wrote it, and who was given it out of ComfyUI's cache. */
export interface OutputPlace extends FileRef {
  readonly instance: string;
  readonly written: PromptRecord | undefined;
  readonly cached: PromptRecord | undefined;
}

/** A prompt as it begins. */
export type NewPrompt = Pick<PromptRecord, 'promptId' | 'key' | 'clientId' | 'instance' | 'createdAt' | 'process'> & { readonly taskId?: string | undefined };

export interface PromptEnding {
  readonly state: 'completed' | 'failed' | 'interrupted';
  readonly startedAt: number | undefined;
  readonly endedAt: number;
  readonly detail: string;
  /** The bare history entry as JSON text, where there is one. */
  readonly history: string | undefined;
  readonly outputs: readonly Omit<OutputRecord, 'promptId'>[];
}

/**
 * Who owns which prompt, where it runs and how it ended. Every method is committed when it resolves.
 * A database that cannot be written fails with INTERNAL_ERROR; the service lives on.
 */
export interface PromptRecords {
  /** Claims the id. False when any key has used it before. */
  insert(record: NewPrompt): Promise<boolean>;
  /** The prompt went to another instance than first chosen. */
  move(promptId: string, instance: string): Promise<void>;
  /** Its instance has it; the first time counts. Answers when somebody asked to stop it, perhaps in another process. */
  accepted(promptId: string, at: number): Promise<number | undefined>;
  /** Its hand-over ended without an answer. */
  unanswered(promptId: string, at: number): Promise<void>;
  /** The instance refused the prompt: it never was. */
  drop(promptId: string): Promise<void>;
  /** Somebody asked through us to stop these. Answers those that nobody had asked to stop before. */
  requestStop(promptIds: readonly string[]): Promise<readonly string[]>;
  /** They are left alone after all. */
  withdrawStop(promptIds: readonly string[]): Promise<void>;
  /** Ends a prompt together with its outputs, all or nothing. False when it had ended before: then nothing changes. */
  finish(promptId: string, ending: PromptEnding): Promise<boolean>;
  find(promptId: string): Promise<PromptRecord | undefined>;
  findMany(promptIds: readonly string[]): Promise<readonly PromptRecord[]>;
  /** The stored history entry as JSON text. */
  history(promptId: string): Promise<string | undefined>;
  outputs(promptId: string): Promise<readonly OutputRecord[]>;
  findOutput(promptId: string, ref: FileRef): Promise<OwnedOutput | undefined>;
  /** Newest output of that name of `key`, of anybody when `key` is undefined. */
  newestOutput(key: string | undefined, ref: FileRef): Promise<OwnedOutput | undefined>;
  /** Those of the file names that an output of anybody has, in whatever folder. */
  outputNames(filenames: readonly string[]): Promise<ReadonlySet<string>>;
  /** One for each of the files and each instance that it was ever made on. */
  places(refs: readonly FileRef[]): Promise<readonly OutputPlace[]>;
  /**
   * Whether that instance has another prompt's file by now under the name of this output, as after its folder was
   * emptied. A run out of the cache writes nothing: it has the file of whoever wrote it, and is told to have none where
   * that may have been another key's.
   */
  overwritten(promptId: string, instance: string, ref: FileRef): Promise<boolean>;
  /** Up to `limit` outputs of the prompts that ended last, without those of tasks. */
  newestOutputs(limit: number): Promise<readonly OwnedOutput[]>;
  /** Prompts without an ending, oldest first. */
  unfinished(): Promise<readonly PromptRecord[]>;
  /** Processes that have prompts without an ending. */
  processes(): Promise<readonly string[]>;
  /**
   * Gives the prompts without an ending of those processes to `by`, and answers them, oldest first. Of several who ask at
   * once, one gets each. The process '' has those of earlier versions.
   */
  takeOver(processes: readonly string[], by: string): Promise<readonly PromptRecord[]>;
  /** Forgets prompts that ended before that time, with their outputs. Answers how many. */
  expire(before: number): Promise<number>;
}

/** A file that a caller handed over. */
export interface InputRecord {
  readonly key: string;
  readonly type: FileType;
  /** As the caller named it. */
  readonly subfolder: string;
  readonly name: string;
  /** As ComfyUI knows it, equal on every instance: unique per key and content. */
  readonly upstreamName: string;
  readonly upstreamSubfolder: string;
  /** sha256 of the content, hex. */
  readonly hash: string;
  readonly size: number;
  readonly mediaType: string;
  /** Path below the input folder. */
  readonly path: string;
  readonly createdAt: number;
}

export interface InputRecords {
  /** Sets the caller's mapping from (type, subfolder, name); an older mapping of the same key and name is replaced. */
  put(record: InputRecord): Promise<void>;
  /** As `put`, unless the name stands for other content: then nothing changes and the answer is false. Of many who claim a name at once, one content gets it. */
  claim(record: InputRecord): Promise<boolean>;
  find(key: string, ref: FileRef): Promise<InputRecord | undefined>;
  findMany(key: string, refs: readonly FileRef[]): Promise<readonly InputRecord[]>;
  /** All mappings that lead to these upstream names, whoever owns them, newest first. */
  findUpstream(upstreamNames: readonly string[]): Promise<readonly InputRecord[]>;
  /** Whether the file is known to be on that instance. */
  placed(instance: string, record: InputRecord): Promise<boolean>;
  place(instance: string, record: InputRecord): Promise<void>;
  /** The instance turned out not to have it. */
  unplace(instance: string, record: InputRecord): Promise<void>;
  /** Forgets mappings made before that time and answers paths below the input folder that nothing refers to any more: a bounded number, the rest at the next call. */
  expire(before: number): Promise<readonly string[]>;
  /** Those of up to 500 paths below the input folder that no mapping refers to. */
  unreferenced(paths: readonly string[]): Promise<readonly string[]>;
}
