/** Graphs that the stub understands. */
export type Graph = Readonly<Record<string, { readonly class_type: string; readonly inputs: Readonly<Record<string, unknown>> }>>;

export interface Wish {
  /** How long it runs; 0 for at once. */
  readonly milliseconds?: number;
  /** Progress messages while it runs. */
  readonly steps?: number;
  /** Size of its picture. */
  readonly bytes?: number;
}

export function graph({ milliseconds = 0, steps = 0, bytes = 65_536 }: Wish = {}): Graph {
  return {
    '1': { class_type: 'BenchWork', inputs: { milliseconds, steps } },
    '2': { class_type: 'BenchOutput', inputs: { images: ['1', 0], bytes } },
  };
}
