import { watch } from 'chokidar';

export interface WatchOptions {
  /** Milliseconds without a change after which changes are told. */
  readonly settleMs: number;
  /** Levels of folders below that are watched too. */
  readonly depth: number;
}

/** `error`: something cannot be watched; what else there is goes on being watched. */
export type FolderNews = { readonly kind: 'changed' } | { readonly kind: 'trouble'; readonly error: unknown };

/** A folder in which something always changes is told of after this many times `settleMs`. */
const PATIENCE = 20;

/**
 * Yields once when watching has begun, and again whenever something in the folder has changed and settled. The folder may
 * be missing, come and go. Ends when `signal` aborts; the watcher is closed then.
 */
export async function* watchFolder(folder: string, options: WatchOptions, signal: AbortSignal): AsyncGenerator<FolderNews, void> {
  if (signal.aborted) return;
  const news = new News(options.settleMs);
  const watcher = watch(folder, { ignoreInitial: true, depth: options.depth });
  watcher.on('ready', () => news.changed());
  watcher.on('all', () => news.changed());
  watcher.on('error', (error) => news.trouble(error));
  const end = (): void => news.end();
  signal.addEventListener('abort', end, { once: true });
  try {
    yield* news.told();
  } finally {
    signal.removeEventListener('abort', end);
    news.end();
    await watcher.close();
  }
}

/** Gathers what happens until somebody pulls: at most one change and one trouble wait. */
class News {
  readonly #settleMs: number;
  #settled = false;
  #trouble: FolderNews | undefined;
  #timer: NodeJS.Timeout | undefined;
  #since: number | undefined;
  #ended = false;
  #wake: (() => void) | undefined;

  constructor(settleMs: number) {
    this.#settleMs = settleMs;
  }

  changed(): void {
    if (this.#ended) return;
    const now = performance.now();
    this.#since ??= now;
    clearTimeout(this.#timer);
    this.#timer = setTimeout(() => this.#settle(), Math.max(Math.min(this.#settleMs, this.#since + PATIENCE * this.#settleMs - now), 0));
  }

  trouble(error: unknown): void {
    this.#trouble = { kind: 'trouble', error };
    this.#wake?.();
  }

  end(): void {
    this.#ended = true;
    clearTimeout(this.#timer);
    this.#wake?.();
  }

  async *told(): AsyncGenerator<FolderNews, void> {
    while (!this.#ended) {
      const next = this.#take();
      if (next) yield next;
      else await new Promise<void>((resolve) => (this.#wake = resolve));
    }
  }

  #settle(): void {
    this.#since = undefined;
    this.#settled = true;
    this.#wake?.();
  }

  #take(): FolderNews | undefined {
    const trouble = this.#trouble;
    this.#trouble = undefined;
    if (trouble) return trouble;
    if (!this.#settled) return undefined;
    this.#settled = false;
    return { kind: 'changed' };
  }
}
