/** The two binary frames of a preview, each made at most once per event. Pure. Layouts: ws 04 (event 1), ws 05 (event 4). */
import type { Frame } from '../../models/frame.ts';
import type { PreviewEvent } from '../../models/upstream-event.ts';

export interface PreviewFrames {
  /** Event 1: type and picture. */
  legacy(): Frame;
  /** Event 4: metadata and picture, for watchers that announced it. */
  withMetadata(): Frame;
}

/** `promptId` and `nodeId` fill in what a legacy preview does not carry. */
export function previewFrames(event: PreviewEvent, promptId: string, nodeId: string | undefined): PreviewFrames {
  const arrivedWithMetadata = event.promptId !== undefined;
  const same: Frame = { data: event.frame, binary: true };
  return {
    legacy: once(() => (arrivedWithMetadata ? legacyFrame(event) : same)),
    withMetadata: once(() => (arrivedWithMetadata ? same : metadataFrame(event, promptId, nodeId))),
  };
}

function once(make: () => Frame): () => Frame {
  let made: Frame | undefined;
  return () => (made ??= make());
}

function legacyFrame(event: PreviewEvent): Frame {
  const head = Buffer.alloc(8);
  head.writeUInt32BE(1, 0);
  head.writeUInt32BE(event.png ? 2 : 1, 4);
  return { data: Buffer.concat([head, event.frame.subarray(event.offset)]), binary: true };
}

function metadataFrame(event: PreviewEvent, promptId: string, nodeId: string | undefined): Frame {
  const node = nodeId ?? '';
  const metadata = { node_id: node, prompt_id: promptId, display_node_id: node, parent_node_id: node, real_node_id: node, image_type: event.png ? 'image/png' : 'image/jpeg' };
  const text = Buffer.from(JSON.stringify(metadata));
  const head = Buffer.alloc(8);
  head.writeUInt32BE(4, 0);
  head.writeUInt32BE(text.length, 4);
  return { data: Buffer.concat([head, text, event.frame.subarray(event.offset)]), binary: true };
}
