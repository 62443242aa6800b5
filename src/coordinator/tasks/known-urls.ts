/** What was fetched before, with what its server said of it. */
export interface KnownUrl<T> {
  readonly value: T;
  readonly etag?: string | undefined;
  readonly lastModified?: string | undefined;
}

/** URLs remembered; the one used longest ago goes first. */
const KEPT = 1_000;

/** Those who want the same URL at the same time share one fetch; who wants it later asks whether it has changed. */
export class KnownUrls<T> {
  readonly #known = new Map<string, KnownUrl<T>>();
  readonly #under = new Map<string, Promise<KnownUrl<T>>>();

  /** `fetch` is not bound to anybody's signal, since others may wait for it too; it has its own limits. Throws the reason of the signal. */
  async share(key: string, fetch: (known: KnownUrl<T> | undefined) => Promise<KnownUrl<T>>, signal: AbortSignal): Promise<T> {
    signal.throwIfAborted();
    const { promise: gone, reject } = Promise.withResolvers<never>();
    const leave = (): void => reject(signal.reason);
    signal.addEventListener('abort', leave, { once: true });
    try {
      return (await Promise.race([this.#fetched(key, fetch), gone])).value;
    } finally {
      signal.removeEventListener('abort', leave);
    }
  }

  #fetched(key: string, fetch: (known: KnownUrl<T> | undefined) => Promise<KnownUrl<T>>): Promise<KnownUrl<T>> {
    const under = this.#under.get(key);
    if (under) return under;
    const fetching = fetch(this.#known.get(key))
      .then((found) => {
        this.#remember(key, found);
        return found;
      })
      .finally(() => this.#under.delete(key));
    fetching.catch(() => undefined);
    this.#under.set(key, fetching);
    return fetching;
  }

  #remember(key: string, found: KnownUrl<T>): void {
    this.#known.delete(key);
    if (found.etag === undefined && found.lastModified === undefined) return;
    this.#known.set(key, found);
    const [oldest] = this.#known.keys();
    if (this.#known.size > KEPT && oldest !== undefined) this.#known.delete(oldest);
  }
}
