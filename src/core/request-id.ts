import { AsyncLocalStorage } from 'node:async_hooks';

const storage = new AsyncLocalStorage<string>();

/** Runs `deed` under a request id: every log line written inside, on any floor and after any await, carries it. */
export function withRequestId<T>(id: string, deed: () => T): T {
  return storage.run(id, deed);
}

/** Id of the request that the current code runs for. */
export function currentRequestId(): string | undefined {
  return storage.getStore();
}
