import { readFile, rename, rm, writeFile } from 'node:fs/promises';
import { z } from 'zod';

const Address = z.object({ url: z.url(), pid: z.number().int() });
type Address = z.infer<typeof Address>;

/** How a sandbox is told from whatever else may listen there by now. */
export interface Sign {
  readonly path: string;
  readonly says: z.ZodType;
}

const ANSWER_MS = 2_000;

/** A JSON file `{url, pid}` that tells where a sandbox listens. */
export class AddressFile {
  readonly #path: string;
  readonly #sign: Sign;

  constructor(path: string, sign: Sign) {
    this.#path = path;
    this.#sign = sign;
  }

  /** The URL of the sandbox the file names, if one answers there and says it is one. */
  async live(): Promise<string | undefined> {
    const url = (await this.#read())?.url;
    if (url === undefined) return undefined;
    try {
      const answer = await fetch(new URL(this.#sign.path, url), { signal: AbortSignal.timeout(ANSWER_MS) });
      return this.#sign.says.safeParse(await answer.json()).success ? url : undefined;
    } catch {
      // Nobody there, or somebody else: either way not a live sandbox.
      return undefined;
    }
  }

  /** Whole or not at all: readers never see half a file. */
  async write(url: string): Promise<void> {
    const draft = `${this.#path}.${process.pid}`;
    await writeFile(draft, JSON.stringify({ url, pid: process.pid }));
    await rename(draft, this.#path);
  }

  /** Removes the file unless another process has written its own since. */
  async remove(): Promise<void> {
    if ((await this.#read())?.pid === process.pid) await rm(this.#path, { force: true });
  }

  async #read(): Promise<Address | undefined> {
    try {
      const parsed = Address.safeParse(JSON.parse(await readFile(this.#path, 'utf8')));
      return parsed.data;
    } catch (error) {
      if (error instanceof SyntaxError || (error instanceof Error && 'code' in error && error.code === 'ENOENT')) return undefined;
      throw error;
    }
  }
}
