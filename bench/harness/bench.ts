/** What every bench is: a name, a deed, and a report with its own judgement. */

export interface Options {
  /** Fewer rounds and deeds: to see that it works, not to quote. */
  readonly quick: boolean;
  /** Folder for CPU profiles of the gateway. */
  readonly profile?: string | undefined;
}

export interface Table {
  readonly head: readonly string[];
  readonly rows: readonly (readonly string[])[];
}

/** `must`: a promise, and the bench fails without it. Else a figure to reach on two idle cores, shown as met or missed. */
export interface Check {
  readonly what: string;
  readonly ok: boolean;
  readonly must: boolean;
}

export interface Report {
  readonly tables: readonly Table[];
  readonly checks: readonly Check[];
  readonly notes?: readonly string[];
}

export interface Bench {
  readonly name: string;
  readonly title: string;
  /** How it is measured, in one or two sentences. */
  readonly about: string;
  run(options: Options): Promise<Report>;
}

export const must = (what: string, ok: boolean): Check => ({ what, ok, must: true });
export const target = (what: string, ok: boolean): Check => ({ what, ok, must: false });

export const failed = (report: Report): boolean => report.checks.some((check) => check.must && !check.ok);
