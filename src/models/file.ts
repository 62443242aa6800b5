import type { Writable } from 'node:stream';
import { z } from 'zod';
import { limits } from '../constants/limits.ts';

export const fileTypes = ['input', 'output', 'temp'] as const;
export const FileType = z.enum(fileTypes);
export type FileType = z.infer<typeof FileType>;

/** Names a file as ComfyUI does. */
export interface FileRef {
  readonly filename: string;
  readonly subfolder: string;
  readonly type: FileType;
}

export const fileKinds = ['image', 'video', 'audio', 'text', 'file'] as const;

/** One output of a prompt. `url` is absent for text; `text` is present for text only. */
export const OutputFile = z
  .object({
    filename: z.string(),
    subfolder: z.string(),
    type: z.string(),
    url: z.string().optional(),
    node_id: z.string(),
    kind: z.enum(fileKinds),
    text: z.string().optional(),
  })
  .meta({ id: 'OutputFile' });
export type OutputFile = z.infer<typeof OutputFile>;

/** No file system takes it, and instances stumble over it. */
const hasNoNul = [(name: string): boolean => !name.includes('\0'), 'a name has no NUL character'] as const;
const fileName = z.string().min(1).max(255).refine(...hasNoNul);

export const FileQuery = z.strictObject({
  filename: fileName,
  subfolder: z.string().max(1024).refine(...hasNoNul).default(''),
  type: FileType.default('output'),
  prompt_id: z.string().max(limits.idLength).optional(),
});
export type FileQuery = z.infer<typeof FileQuery>;

export const pictureFormats = ['webp', 'jpeg', 'png', 'avif'] as const;
const whole = (max: number) => z.coerce.number().int().min(1).max(max).optional();

export const DownloadQuery = FileQuery.extend({
  format: z
    .preprocess((value) => (value === 'jpg' ? 'jpeg' : value), z.enum(pictureFormats).optional())
    .meta({ description: 'Converts a picture; jpg is jpeg.' }),
  quality: whole(100).meta({ description: '1 to 100, for webp, jpeg and avif.' }),
  width: whole(16_384).meta({ description: 'Fits the picture into this width, keeping its shape; never enlarges.' }),
  height: whole(16_384),
});
export type DownloadQuery = z.infer<typeof DownloadQuery>;

/** What to make of a picture on its way out. */
export interface Conversion {
  readonly format: (typeof pictureFormats)[number] | undefined;
  readonly quality: number | undefined;
  readonly width: number | undefined;
  readonly height: number | undefined;
}

export const UploadAnswer = z
  .object({
    name: z.string().meta({ description: 'The name that ComfyUI knows the file by: use it in a graph, or the name you gave.' }),
    subfolder: z.string(),
    type: FileType,
    url: z.string(),
    original_name: z.string(),
    media_type: z.string(),
    size: z.int(),
  })
  .meta({ id: 'UploadAnswer' });
export type UploadAnswer = z.infer<typeof UploadAnswer>;

export const UrlAnswer = z.object({ url: z.string() }).meta({ id: 'UrlAnswer' });

/** Bytes that write themselves, which costs less than a stream does. Whoever has one pours or discards it, or something stays open. */
export interface FileBody {
  /** Writes all of them into `into` at its pace, and ends it. `into` is destroyed when this rejects: with what went wrong, or because `into` closed or `signal` fired. */
  pour(into: Writable, signal: AbortSignal): Promise<void>;
  discard(): void;
}

/** A file on its way to a caller. A stream is pulled; whoever stops pulling must destroy it. */
export interface FileAnswer {
  readonly body: NodeJS.ReadableStream | FileBody | undefined;
  readonly filename: string;
  readonly contentType: string;
  /** Bytes of the whole file where known. */
  readonly size: number | undefined;
  /** Strong validator with its quotes, where there is one. */
  readonly etag: string | undefined;
  readonly lastModified: Date | undefined;
  /** `whole`, a part (206), `unsatisfiable` (416) or `unchanged` (304). */
  readonly part: 'whole' | 'unsatisfiable' | 'unchanged' | { readonly start: number; readonly end: number };
  /** Whether Range is honoured for this file. */
  readonly ranges: boolean;
}

/** Conditions a caller put on a download, as its headers say them. */
export interface FileConditions {
  readonly range: string | undefined;
  readonly ifNoneMatch: string | undefined;
  readonly ifRange: string | undefined;
  readonly ifModifiedSince: string | undefined;
  readonly head: boolean;
}
