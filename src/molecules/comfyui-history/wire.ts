import { z } from 'zod';
import { HistoryEntry } from '../../models/comfyui.ts';

/** GET /history/{id}: `{id: entry}`, or `{}` for a prompt that is unknown, waits or runs (ws 24). */
export const Histories = z.record(z.string(), HistoryEntry);
