/** Callers that each do one deed after another. */

export interface Load {
  /** Deeds per second. */
  readonly rate: number;
  /** Milliseconds of each deed that was done, ascending. */
  readonly times: readonly number[];
  /** Deeds that failed, with why. */
  readonly lost: readonly string[];
}

/** `count` deeds by `callers` at once. A deed that rejects, or takes longer than `limit` milliseconds, is lost. */
export async function drive({ callers, count, limit = 20_000 }: { readonly callers: number; readonly count: number; readonly limit?: number }, deed: () => Promise<void>): Promise<Load> {
  const times: number[] = [];
  const lost: string[] = [];
  let left = count;
  const began = performance.now();
  const caller = async (): Promise<void> => {
    while (left-- > 0) {
      const start = performance.now();
      await within(deed(), limit).then(
        () => times.push(performance.now() - start),
        (error: unknown) => lost.push(error instanceof Error ? error.message : String(error)),
      );
    }
  };
  await Promise.all(Array.from({ length: callers }, caller));
  return { rate: (times.length * 1_000) / (performance.now() - began), times: times.toSorted((a, b) => a - b), lost };
}

async function within(work: Promise<void>, limit: number): Promise<void> {
  let timer: NodeJS.Timeout | undefined;
  const late = new Promise<never>((_, reject) => (timer = setTimeout(() => reject(new Error(`not answered within ${limit} ms`)), limit)));
  await Promise.race([work, late]).finally(() => clearTimeout(timer));
}

/** `share` 0.5 is the median. Of ascending numbers. */
export function percentile(ascending: readonly number[], share: number): number {
  return ascending[Math.min(ascending.length - 1, Math.floor(ascending.length * share))] ?? Number.NaN;
}

export function median(values: readonly number[]): number {
  return percentile(values.toSorted((a, b) => a - b), 0.5);
}
