import { expect, test } from 'vitest';
import { cachedNodes } from './cached-nodes.ts';

const saying = (messages: unknown): string => JSON.stringify({ status: { messages } });

test('nodes are told that the history says were cached, and no others', () => {
  expect(cachedNodes(saying([['execution_start', { nodes: ['1'] }], ['execution_cached', { nodes: ['2', 3], prompt_id: 'p' }], ['execution_success', {}]]))).toEqual(new Set(['2', '3']));
});

test.each([undefined, '{}', '{"status":null}', saying('execution_cached'), saying([['execution_cached']]), saying([['execution_cached', { nodes: 'all' }], 'execution_cached', null])])('%s tells of none', (history) => {
  expect(cachedNodes(history)).toEqual(new Set());
});
