import sharp from 'sharp';
import { writeJson } from './json.ts';
import type { Preview } from './node.ts';

const PREVIEW = 1;
const TEXT = 3;
const PREVIEW_WITH_METADATA = 4;
const FITTED_SIDE = 512;

/** A picture ready for the wire. */
export interface WirePicture {
  readonly format: 'jpeg' | 'png';
  readonly bytes: Uint8Array;
}

/** Fits a preview to 512 pixels on its longer side, up as well as down: 48x32 becomes 512x341 (ws 04). */
export async function fitPreview(preview: Preview): Promise<WirePicture> {
  const picture = sharp(preview.bytes);
  const { width, height } = await picture.metadata();
  const scale = FITTED_SIDE / Math.max(width, height);
  const fitted = picture.resize(side(width * scale), side(height * scale), { fit: 'fill' });
  const bytes = preview.format === 'png' ? await fitted.png().toBuffer() : await fitted.jpeg({ quality: 95 }).toBuffer();
  return { format: preview.format, bytes };
}

function side(length: number): number {
  return Math.max(1, Math.floor(length));
}

/** Event 1: image type 1 for JPEG, 2 for PNG, then the picture (ws 04, ws 13). */
export function previewFrame(picture: WirePicture): Buffer {
  return Buffer.concat([words(PREVIEW, picture.format === 'jpeg' ? 1 : 2), picture.bytes]);
}

/** Event 4: the length of the metadata, the metadata as JSON, then the picture (ws 05). */
export function metadataFrame(picture: WirePicture, ids: { nodeId: string; promptId: string }): Buffer {
  const { nodeId, promptId } = ids;
  const metadata = Buffer.from(writeJson({
    node_id: nodeId, prompt_id: promptId, display_node_id: nodeId, parent_node_id: null, real_node_id: nodeId, image_type: `image/${picture.format}`,
  }));
  return Buffer.concat([words(PREVIEW_WITH_METADATA, metadata.length), metadata, picture.bytes]);
}

/** Event 3: the length of the node id, the node id, then the text (ws 18). */
export function textFrame(nodeId: string, text: string): Buffer {
  const id = Buffer.from(nodeId);
  return Buffer.concat([words(TEXT, id.length), id, Buffer.from(text)]);
}

function words(first: number, second: number): Buffer {
  const head = Buffer.alloc(8);
  head.writeUInt32BE(first, 0);
  head.writeUInt32BE(second, 4);
  return head;
}
