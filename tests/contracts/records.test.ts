import { describe } from 'vitest';
import { openRecords } from '../../src/molecules/records/open.ts';
import { recordsContract } from './records.ts';

describe('records in SQLite', () => {
  recordsContract(() => openRecords(':memory:', AbortSignal.timeout(10_000)));
});
