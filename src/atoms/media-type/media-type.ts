import { fileTypeFromBuffer } from 'file-type';

export interface MediaType {
  readonly mediaType: string;
  /** With its dot. */
  readonly extension: string;
}

const TAKEN: Readonly<Record<string, string>> = {
  'image/png': '.png', 'image/apng': '.png', 'image/jpeg': '.jpg', 'image/webp': '.webp', 'image/gif': '.gif', 'image/bmp': '.bmp', 'image/tiff': '.tiff',
  'video/mp4': '.mp4', 'video/webm': '.webm', 'video/quicktime': '.mov', 'audio/wav': '.wav', 'audio/mpeg': '.mp3', 'audio/flac': '.flac', 'audio/x-flac': '.flac',
};

/** What the first bytes say, whatever the name says; undefined for anything but pictures, videos and sounds that ComfyUI reads. */
export async function sniff(head: Uint8Array): Promise<MediaType | undefined> {
  const found = await fileTypeFromBuffer(head);
  const extension = found && TAKEN[found.mime];
  return extension === undefined ? undefined : { mediaType: found?.mime ?? '', extension };
}
