/** What an instance says of a node class, reduced to what the gateway decides by (GET /object_info). */
export interface InputDeclaration {
  /** `INT`, `FLOAT`, `STRING`, `IMAGE`, … or `COMBO`. */
  readonly type: string;
  /** Allowed values of a COMBO, where there is a list. */
  readonly options: readonly string[] | undefined;
  /** Other values are allowed, too: such as are no texts, several at once, or what the page of ComfyUI fetches by itself. */
  readonly open?: true;
  /** The value names a file that a caller uploads (`image_upload`, `video_upload`, `audio_upload`, …). */
  readonly upload: boolean;
  /** ComfyUI refuses a node without it, also where there is a default. */
  readonly required: boolean;
  /** The least and the greatest number that is taken. A bigint beyond 2^53: a seed goes up to 2^64-1. */
  readonly min?: number | bigint;
  readonly max?: number | bigint;
  /** What the page of ComfyUI fills in. Long texts are left out. */
  readonly default?: string | number | bigint | boolean;
}

export interface NodeDeclaration {
  readonly inputs: ReadonlyMap<string, InputDeclaration>;
  readonly outputNode: boolean;
  /** Type of each output slot; absent where the instance does not say. */
  readonly outputs?: readonly string[];
}

export type NodeDeclarations = ReadonlyMap<string, NodeDeclaration>;
