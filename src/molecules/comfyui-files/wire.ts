import { z } from 'zod';

/** 200 of POST /upload/image. `name` is the one to use: it differs from the one sent when that was taken by other content. */
export const Uploaded = z.looseObject({ name: z.string(), subfolder: z.string(), type: z.string() });
