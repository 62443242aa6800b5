import { fitPreview, metadataFrame, previewFrame, textFrame } from './frames.ts';
import type { Preview } from './node.ts';
import { ProgressState } from './progress.ts';
import type { Sockets } from './sockets.ts';

/** A run's `execution_*` message as it stays in the history. */
export type Note = readonly [event: string, data: Readonly<Record<string, unknown>>];

/**
 * What one run tells its watchers. With a client id everything goes to that client; without one progress, previews and an
 * interrupt go to everybody and the rest to nobody (ws 14).
 */
export class RunMessages {
  readonly notes: Note[] = [];
  readonly #sockets: Sockets;
  readonly #promptId: string;
  readonly #clientId: string | undefined;
  readonly #progress: ProgressState;

  constructor(sockets: Sockets, run: { promptId: string; clientId: string | undefined }) {
    this.#sockets = sockets;
    this.#promptId = run.promptId;
    this.#clientId = run.clientId;
    this.#progress = new ProgressState(run.promptId);
  }

  /** An `execution_*` message: kept for the history whether or not somebody hears it. */
  note(event: string, data: Readonly<Record<string, unknown>>, reach: 'submitter' | 'everybody' = 'submitter'): void {
    const stamped = { ...data, timestamp: Date.now() };
    this.notes.push([event, stamped]);
    if (reach === 'everybody' || this.#clientId !== undefined) this.#sockets.send(event, stamped, this.#clientId);
  }

  executing(node: string | null): void {
    const data = node === null ? { node, prompt_id: this.#promptId } : { node, display_node: node, prompt_id: this.#promptId };
    if (this.#clientId !== undefined) this.#sockets.send('executing', data, this.#clientId);
  }

  executed(node: string, output: Readonly<Record<string, unknown>>): void {
    const data = { node, display_node: node, output, prompt_id: this.#promptId };
    if (this.#clientId !== undefined) this.#sockets.send('executed', data, this.#clientId);
  }

  started(node: string): void {
    this.#progressState(this.#progress.start(node));
  }

  finished(node: string): void {
    this.#progressState(this.#progress.finish(node));
  }

  /** Legacy: progress_state, progress, frame (ws 04); with metadata negotiated: progress_state, frame, progress (ws 05). */
  async step(node: string, step: { value: number; max: number; preview: Preview | undefined; fit: boolean }): Promise<void> {
    const { value, max, preview, fit } = step;
    const picture = preview && (fit ? await fitPreview(preview) : preview);
    this.#progressState(this.#progress.step(node, { value, max }));
    const metadata = this.#sockets.wantsMetadata(this.#clientId);
    if (picture && metadata) this.#sockets.binary(metadataFrame(picture, { nodeId: node, promptId: this.#promptId }), this.#clientId);
    this.#sockets.send('progress', { value, max, prompt_id: this.#promptId, node }, this.#clientId);
    if (picture && !metadata) this.#sockets.binary(previewFrame(picture), this.#clientId);
  }

  /** Progress text of a node goes to every socket (ws 18). */
  text(node: string, message: string): void {
    this.#sockets.binary(textFrame(node, message));
  }

  #progressState(message: Map<string, unknown>): void {
    this.#sockets.send('progress_state', message, this.#clientId);
  }
}
