/** What an instance says of a node class, reduced to what the gateway decides by (GET /object_info). */
export interface InputDeclaration {
  /** `INT`, `FLOAT`, `STRING`, `IMAGE`, … or `COMBO`. */
  readonly type: string;
  /** Allowed values of a COMBO, where there is a list. */
  readonly options: readonly string[] | undefined;
  /** The value names a file that a caller uploads (`image_upload`, `video_upload`, `audio_upload`, …). */
  readonly upload: boolean;
}

export interface NodeDeclaration {
  readonly inputs: ReadonlyMap<string, InputDeclaration>;
  readonly outputNode: boolean;
}

export type NodeDeclarations = ReadonlyMap<string, NodeDeclaration>;
