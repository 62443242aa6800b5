/** A server of pictures that can keep whoever asks waiting: before its answer (`silent`) or in the middle of it (`half`). */
import type { ServerResponse } from 'node:http';
import { fresh } from '../support/graphs.ts';
import { png } from '../support/picture.ts';
import { type SmallServer, startSmallServer } from '../support/small-server.ts';

export type Manner = 'free' | 'silent' | 'half';

export interface HeldPicture {
  readonly url: string;
  readonly colour: number;
}

export class Files {
  readonly #pictures = new Map<string, { readonly bytes: Buffer; readonly manner: Manner; free: boolean }>();
  readonly #waiting: { readonly path: string; readonly go: () => void }[] = [];
  #server: SmallServer | undefined;
  #count = 0;

  async start(): Promise<void> {
    this.#server = await startSmallServer((request, response) => this.#answer(request.url ?? '', response));
  }

  /** A picture of one colour that nobody has asked for yet. */
  async picture(manner: Manner): Promise<HeldPicture> {
    const colour = fresh();
    const path = `/${manner}/${(this.#count += 1)}.png`;
    this.#pictures.set(path, { bytes: await png({ width: 24, height: 16, colour }), manner, free: manner === 'free' });
    return { url: `${this.#server?.url ?? ''}${path}`, colour };
  }

  /** Whether somebody waits for it now. */
  waits(url: string): boolean {
    return this.#waiting.some(({ path }) => path === new URL(url).pathname);
  }

  /** Lets that picture go, or all of them, now and whenever they are asked for again. */
  release(url?: string): void {
    const freed = url === undefined ? [...this.#pictures.keys()] : [new URL(url).pathname];
    for (const path of freed) {
      const picture = this.#pictures.get(path);
      if (picture) picture.free = true;
    }
    for (const { path, go } of this.#waiting.filter((one) => freed.includes(one.path))) {
      this.#waiting.splice(this.#waiting.findIndex((one) => one.path === path), 1);
      go();
    }
  }

  async close(): Promise<void> {
    await this.#server?.close();
  }

  #answer(path: string, response: ServerResponse): void {
    const picture = this.#pictures.get(path);
    if (!picture) return void response.writeHead(404).end();
    const { bytes, manner, free } = picture;
    const half = manner === 'half' ? Math.floor(bytes.length / 2) : 0;
    const begin = (): void => void response.writeHead(200, { 'content-type': 'image/png', 'content-length': bytes.length });
    if (free) {
      begin();
      return void response.end(bytes);
    }
    if (half > 0) {
      begin();
      response.write(bytes.subarray(0, half));
    }
    const one = { path, go: () => { if (half === 0) begin(); response.end(bytes.subarray(half)); } };
    this.#waiting.push(one);
    response.once('close', () => {
      const at = this.#waiting.indexOf(one);
      if (at >= 0) this.#waiting.splice(at, 1);
    });
  }
}
