import { sha256 } from './ids.ts';

const MAX_SUBMISSIONS = 10_000;
const MAX_TEXT = 1_000;

export interface Submission {
  readonly account: string;
  /** `app 197…` or `workflow 190…`. */
  readonly target: string;
  /** The inputs as JSON, in order of node and field; long ones are cut. */
  readonly nodeInfo: string;
  /** How many tasks were created for exactly these. */
  readonly tasks: number;
}

export interface CounterSnapshot {
  /** Route → how many requests arrived. */
  readonly requests: Record<string, number>;
  /** Account → how many tasks were created, whether or not anybody heard of it. */
  readonly created: Record<string, number>;
  /** Account → how many runs were charged. */
  readonly charged: Record<string, number>;
  readonly submissions: readonly Submission[];
  /** Webhook deliveries tried. */
  readonly webhooks: number;
  /** Requests to the host of files that carried a key or a cookie: a client must send none there. */
  readonly credentialsAtFiles: number;
}

/** What happened, for tests. */
export class Counters {
  readonly #requests = new Map<string, number>();
  readonly #created = new Map<string, number>();
  readonly #charged = new Map<string, number>();
  readonly #submissions = new Map<string, Submission>();
  #webhooks = 0;
  #credentialsAtFiles = 0;

  requested(route: string): void {
    raise(this.#requests, route);
  }

  created({ account, target, nodeInfoList }: { account: string; target: string; nodeInfoList: readonly unknown[] }): void {
    raise(this.#created, account);
    const nodeInfo = nodeInfoList.map((one) => JSON.stringify(one)).toSorted().join(',');
    const key = sha256(`${account} ${target} ${nodeInfo}`);
    const tasks = (this.#submissions.get(key)?.tasks ?? 0) + 1;
    if (this.#submissions.size >= MAX_SUBMISSIONS && tasks === 1) this.#forgetOldest();
    this.#submissions.set(key, { account, target, nodeInfo: `[${nodeInfo.slice(0, MAX_TEXT)}]`, tasks });
  }

  charged(account: string): void {
    raise(this.#charged, account);
  }

  get requestCount(): number {
    return [...this.#requests.values()].reduce((sum, count) => sum + count, 0);
  }

  chargedTo(account: string): number {
    return this.#charged.get(account) ?? 0;
  }

  webhookSent(): void {
    this.#webhooks += 1;
  }

  credentialAtFiles(): void {
    this.#credentialsAtFiles += 1;
  }

  get snapshot(): CounterSnapshot {
    return {
      requests: Object.fromEntries(this.#requests),
      created: Object.fromEntries(this.#created),
      charged: Object.fromEntries(this.#charged),
      submissions: [...this.#submissions.values()],
      webhooks: this.#webhooks,
      credentialsAtFiles: this.#credentialsAtFiles,
    };
  }

  #forgetOldest(): void {
    const [oldest] = this.#submissions.keys();
    if (oldest !== undefined) this.#submissions.delete(oldest);
  }
}

function raise(counts: Map<string, number>, name: string): void {
  counts.set(name, (counts.get(name) ?? 0) + 1);
}
