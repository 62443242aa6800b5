import type { Account } from './accounts.ts';
import type { NodeError, NodeInfo } from './checks.ts';
import type { Outcome } from './knobs.ts';

export const STATES = ['CREATE', 'QUEUED', 'RUNNING', 'SUCCESS', 'FAILED', 'CANCELLED'] as const;
export type TaskState = (typeof STATES)[number];

/** What came out. Every output is a file; the words of a text are kept beside it. */
export interface TaskOutput {
  readonly nodeId: string;
  /** png, mp4, txt. */
  readonly type: string;
  readonly url: string;
  readonly text: string | null;
}

/** What was ordered, after every check. */
export interface Order {
  readonly account: Account;
  readonly kind: 'app' | 'workflow';
  readonly targetId: string;
  readonly nodeInfoList: readonly NodeInfo[];
  readonly nodeErrors: Readonly<Record<string, NodeError>>;
  readonly outcome: Outcome;
  readonly webhookUrl: string | undefined;
}

export interface WebhookRecord {
  readonly id: string;
  url: string;
  eventData: unknown;
  status: 'SUCCESS' | 'FAILED';
  response: string;
  retryCount: number;
  readonly createdAt: number;
  updatedAt: number;
}

export interface Task extends Order {
  readonly id: string;
  /** 32 hex digits. */
  readonly clientId: string;
  /** The credential of its progress socket, not yet encoded for a URL. */
  readonly socketAuth: string;
  readonly createdAt: number;
  state: TaskState;
  startedAt: number | undefined;
  endedAt: number | undefined;
  outputs: readonly TaskOutput[];
  webhook: WebhookRecord | undefined;
}

export const isEnded = ({ state }: Task): boolean => state === 'SUCCESS' || state === 'FAILED' || state === 'CANCELLED';
