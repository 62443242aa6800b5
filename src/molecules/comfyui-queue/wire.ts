import { z } from 'zod';

/** A queue item is `[number, prompt_id, graph, extra_data, outputs to execute]`; only the first two matter here. */
const Item = z
  .tuple([z.number(), z.string()])
  .rest(z.unknown())
  .transform(([number, promptId]) => ({ number, promptId }));

/** GET /queue. `queue_pending` comes in heap order. */
export const Queue = z.object({ queue_running: z.array(Item), queue_pending: z.array(Item) });
