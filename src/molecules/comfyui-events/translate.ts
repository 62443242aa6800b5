/** From frames to events. Pure; layouts as recorded: ws 04 (event 1), ws 18 (event 3), ws 05 (event 4). */
import { parseLenientJson } from '../../atoms/json/json.ts';
import type { SocketFrame } from '../../atoms/websocket/websocket.ts';
import { type PromptEventType, promptEventTypes, type UpstreamEvent } from '../../models/upstream-event.ts';
import { Flags, Message, PreviewMetadata, Status } from './wire.ts';

const PREVIEW = 1;
const TEXT = 3;
const PREVIEW_WITH_METADATA = 4;
const PNG = 2;

/** Whatever arrives becomes an event; what cannot be read becomes `other`, never an exception. */
export function translate(frame: SocketFrame): UpstreamEvent {
  return frame.kind === 'text' ? translateText(frame.text) : translateBinary(frame.data);
}

function translateText(text: string): UpstreamEvent {
  let parsed: unknown;
  try {
    parsed = parseLenientJson(text);
  } catch (error) {
    return unread(`a text frame that is not JSON (${error instanceof Error ? error.message : 'unreadable'})`);
  }
  const message = Message.safeParse(parsed);
  if (!message.success) return unread('a text frame without type and data');
  return translateMessage(message.data.type, message.data.data);
}

const isPromptEvent = (type: string): type is PromptEventType => promptEventTypes.some((known) => known === type);

function translateMessage(type: string, data: Record<string, unknown>): UpstreamEvent {
  if (type === 'status') {
    const status = Status.safeParse(data);
    return status.success ? { kind: 'status', queueRemaining: status.data.status.exec_info.queue_remaining } : unneeded('a status without queue_remaining');
  }
  if (type === 'feature_flags') return { kind: 'flags', previewMetadata: Flags.parse(data).supports_preview_metadata };
  if (!isPromptEvent(type)) return unneeded(`a message of type ${type.slice(0, 64)}`);
  const promptId = data['prompt_id'];
  if (typeof promptId === 'string') return { kind: 'prompt', type, promptId, data };
  if (type === 'executing') return { kind: 'resumed', nodeId: typeof data['node'] === 'string' ? data['node'] : undefined };
  return unneeded(`a message of type ${type} without prompt_id`);
}

function translateBinary(frame: Buffer): UpstreamEvent {
  if (frame.length < 8) return unneeded(`a binary frame of ${frame.length} bytes`);
  const event = frame.readUInt32BE(0);
  const second = frame.readUInt32BE(4);
  if (event === PREVIEW) return { kind: 'preview', promptId: undefined, nodeId: undefined, png: second === PNG, frame, offset: 8 };
  if (event !== TEXT && event !== PREVIEW_WITH_METADATA) return unneeded(`a binary frame of event ${event}`);
  const offset = 8 + second;
  if (offset > frame.length) return unneeded('a binary frame that ends early');
  const head = frame.toString('utf8', 8, offset);
  if (event === TEXT) return { kind: 'text', nodeId: head, text: frame.toString('utf8', offset) };
  return withMetadata(frame, offset, head);
}

function withMetadata(frame: Buffer, offset: number, head: string): UpstreamEvent {
  try {
    const metadata = PreviewMetadata.parse(JSON.parse(head));
    return { kind: 'preview', promptId: metadata.prompt_id, nodeId: metadata.node_id, png: metadata.image_type === 'image/png', frame, offset };
  } catch (error) {
    return unneeded(`a preview whose metadata cannot be read (${error instanceof Error ? error.name : 'unreadable'})`);
  }
}

function unread(what: string): UpstreamEvent {
  return { kind: 'other', what, unread: true };
}

function unneeded(what: string): UpstreamEvent {
  return { kind: 'other', what, unread: false };
}
