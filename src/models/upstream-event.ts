/** What the event socket of an instance says, parsed once. A closed union: `other` is what we do not know and ignore. */

/** Text messages about one prompt. `data` is ComfyUI's, untouched. */
export const promptEventTypes = ['execution_start', 'execution_cached', 'executing', 'progress', 'progress_state', 'executed', 'execution_success', 'execution_error', 'execution_interrupted'] as const;
export type PromptEventType = (typeof promptEventTypes)[number];

export interface PromptEvent {
  readonly kind: 'prompt';
  readonly type: PromptEventType;
  readonly promptId: string;
  readonly data: Readonly<Record<string, unknown>>;
}

export interface PreviewEvent {
  readonly kind: 'preview';
  /** Absent on legacy previews (binary event 1): they belong to what runs on the instance. */
  readonly promptId: string | undefined;
  readonly nodeId: string | undefined;
  readonly png: boolean;
  /** The whole frame as it came. */
  readonly frame: Buffer;
  /** Where the picture begins in `frame`. */
  readonly offset: number;
}

export type UpstreamEvent =
  | PromptEvent
  | PreviewEvent
  | { readonly kind: 'status'; readonly queueRemaining: number }
  /** `executing {node}` without prompt_id, sent to a socket that comes back during a run (ws 16). */
  | { readonly kind: 'resumed'; readonly nodeId: string | undefined }
  | { readonly kind: 'flags'; readonly previewMetadata: boolean }
  /** Progress text (binary event 3): no prompt_id, GetImageSize sends it to everybody (ws 18). */
  | { readonly kind: 'text'; readonly nodeId: string; readonly text: string }
  /** `unread`: nobody knows what it said. Else it is a message that we do not need. */
  | { readonly kind: 'other'; readonly what: string; readonly unread: boolean };
