/**
 * What a node of the sandbox is. The server knows nodes only through this file, and nodes know nothing of the server.
 *
 * Values on links are as in ComfyUI: IMAGE is a batch of frames with channels 0..1 in red, green, blue (and alpha) order,
 * MASK a batch of one-channel frames, INT and FLOAT numbers (an INT above 2^53 a bigint), STRING text, BOOLEAN a boolean.
 */

/** One frame, row by row, channels interleaved, every value 0..1. */
export interface Picture {
  readonly width: number;
  readonly height: number;
  readonly channels: 1 | 3 | 4;
  readonly data: Float32Array;
}

/** IMAGE (3 or 4 channels) and MASK (1 channel): one entry per frame of the batch. */
export type Batch = readonly Picture[];

/** Folders that `type=input|output|temp` of the HTTP surface stand for. */
export interface Folders {
  readonly input: string;
  readonly output: string;
  readonly temp: string;
}

/** A picture for watchers, not yet fitted or wrapped into a binary frame. */
export interface Preview {
  readonly format: 'jpeg' | 'png';
  readonly bytes: Uint8Array;
}

/** What a node may do while it runs. */
export interface NodeContext {
  readonly nodeId: string;
  readonly promptId: string;
  /** The graph as JSON text, every digit kept: goes into the `prompt` text chunk of saved PNGs. */
  readonly promptText: string;
  /** `extra_data.extra_pnginfo`, each value as JSON text: one text chunk per entry. */
  readonly extraPnginfo: Readonly<Record<string, string>>;
  readonly folders: Folders;
  /** Aborted by POST /interrupt. */
  readonly signal: AbortSignal;
  /** Reports a step, with a preview if there is one. Rejects with `Interrupted` when the prompt was interrupted. */
  progress(value: number, max: number, preview?: Preview): Promise<void>;
  /** Progress text (binary event 3). */
  text(message: string): void;
}

export interface NodeResult {
  /** One value per output slot. */
  readonly outputs: readonly unknown[];
  /** What goes into `executed` and into the history, as `{images: […]}` or `{text: […]}`. */
  readonly ui?: Readonly<Record<string, unknown>>;
}

/** Inputs after links are resolved and plain values converted to the declared type. */
export type NodeInputs = Readonly<Record<string, unknown>>;

export interface NodeClass {
  run(inputs: NodeInputs, context: NodeContext): Promise<NodeResult>;
  /**
   * ComfyUI's VALIDATE_INPUTS: a reason to refuse these plain values before the prompt is queued, or undefined.
   * The answer becomes `custom_validation_failed` with details `{input} - {reason}`.
   */
  validate?(inputs: NodeInputs, folders: Folders): Promise<{ readonly input: string; readonly reason: string } | undefined>;
  /** ComfyUI's IS_CHANGED: a value that differs when the node must run again though its inputs are equal (a file's content). */
  fingerprint?(inputs: NodeInputs, folders: Folders): Promise<string>;
  /** Never answered from the cache (SaveImageWebsocket). */
  readonly neverCached?: boolean;
}

/** POST /interrupt stopped the running prompt. */
export class Interrupted extends Error {
  override readonly name = 'Interrupted';
}

/** A node refuses to go on; becomes `execution_error` with this exception type (a Python class name, as ComfyUI sends it). */
export class NodeFailure extends Error {
  override readonly name = 'NodeFailure';
  readonly exceptionType: string;

  constructor(exceptionType: string, message: string) {
    super(message);
    this.exceptionType = exceptionType;
  }
}
