/** What many watchers saw of one prompt. */
export interface Findings {
  readonly messages: number;
  /** State messages that were missing, repeated or out of order. */
  readonly lost: number;
  /** Progress messages that gave way to newer ones on some socket. */
  readonly dropped: number;
  /** Milliseconds from the upstream frame to one watcher, ascending; a sample. */
  readonly waits: readonly number[];
  /** Milliseconds from the upstream frame to the last watcher, per message. */
  readonly lastWaits: readonly number[];
}
