export type AccountKind = 'NORMAL' | 'SHARED' | 'EXCLUSIVE';

export interface Account {
  /** Names it in knobs and counters. */
  readonly name: string;
  readonly key: string;
  readonly kind: AccountKind;
  /** Tasks at once: of an exclusive account, its machines. */
  readonly limit: number;
  readonly coins: number;
  /** Undefined where the account pays with coins only. */
  readonly money?: { readonly amount: number; readonly currency: 'CNY' | 'USD' };
  /** Kinds of machines an exclusive account has. */
  readonly machines?: readonly string[];
}

/** Keys of the service have 32 characters. These say what they are. */
export const SANDBOX_KEYS = {
  consumer: 'sandbox-key-consumer-00000000001',
  shared: 'sandbox-key-shared-0000000000001',
  exclusive: 'sandbox-key-exclusive-0000000001',
} as const;

export const sandboxAccounts: readonly Account[] = [
  { name: 'consumer', key: SANDBOX_KEYS.consumer, kind: 'NORMAL', limit: 1, coins: 177_814 },
  { name: 'shared', key: SANDBOX_KEYS.shared, kind: 'SHARED', limit: 50, coins: 0, money: { amount: 999, currency: 'CNY' } },
  { name: 'exclusive', key: SANDBOX_KEYS.exclusive, kind: 'EXCLUSIVE', limit: 2, coins: 0, money: { amount: 999, currency: 'CNY' }, machines: ['default', 'plus'] },
];

/** What one run costs. It is taken when the run starts. */
export const COINS_PER_RUN = 6;
export const MONEY_PER_RUN = 0.083;
