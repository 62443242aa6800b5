import { accepting } from './task-store/accepting.ts';
import { claiming } from './task-store/claiming.ts';
import { endings } from './task-store/ending.ts';
import { bench, type MakeDb } from './task-store/made.ts';
import { outbox } from './task-store/outbox.ts';
import { reading } from './task-store/reading.ts';
import { working } from './task-store/working.ts';

/** What every database behind the tasks must do. `makeDb` gives an empty one with its tables; it is destroyed after each test. */
export function taskStoreContract(makeDb: MakeDb): void {
  const made = bench(makeDb);
  for (const part of [accepting, claiming, working, endings, reading]) part(made);
}

/** The same of the outbox. */
export function deliveryStoreContract(makeDb: MakeDb): void {
  outbox(bench(makeDb));
}
