import type { Account } from './accounts.ts';
import type { Catalog } from './catalog/catalog.ts';
import type { Counters } from './counters.ts';
import type { FileShelf } from './file-shelf.ts';
import type { Ids } from './ids.ts';
import type { Knobs } from './knobs.ts';
import type { Task } from './task.ts';
import type { Tasks } from './tasks.ts';
import type { Uploads } from './uploads.ts';
import type { Webhooks } from './webhooks.ts';

/** Everything a route may need. */
export interface World {
  readonly knobs: Knobs;
  readonly counters: Counters;
  readonly ids: Ids;
  readonly accounts: readonly Account[];
  readonly catalog: Catalog;
  readonly tasks: Tasks;
  readonly uploads: Uploads;
  readonly shelf: FileShelf;
  readonly webhooks: Webhooks;
  /** Of the host of files. */
  readonly filesUrl: () => string;
  /** The netWssUrl of a task. */
  readonly socketUrl: (task: Task) => string;
}
