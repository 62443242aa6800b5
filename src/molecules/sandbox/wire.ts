import { z } from 'zod';

/** What the sandbox writes when it listens. */
export const Address = z.object({ url: z.url(), pid: z.int() });
/** A sandbox says that it is one. */
export const Marked = z.object({ system: z.object({ sandbox: z.literal(true) }) });
