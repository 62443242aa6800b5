import { z } from 'zod';

/** What a run, or all runs of a task together, took and cost at an outsider that bills. */
export const TaskUsage = z
  .object({
    seconds: z.number().optional(),
    coins: z.number().optional(),
    money: z.number().optional().meta({ description: 'In the currency of the account.' }),
  })
  .meta({ id: 'TaskUsage', description: 'What engines that bill said of all runs of the task together.' });
export type TaskUsage = z.infer<typeof TaskUsage>;

/** Decimals that amounts are told with. */
const DIGITS = 6;

/** Both together; what neither tells stays untold. Pure. */
export function together(one: TaskUsage | undefined, other: TaskUsage): TaskUsage {
  const sum = (a: number | undefined, b: number | undefined): number | undefined => (a === undefined && b === undefined ? undefined : Number(((a ?? 0) + (b ?? 0)).toFixed(DIGITS)));
  const [seconds, coins, money] = [sum(one?.seconds, other.seconds), sum(one?.coins, other.coins), sum(one?.money, other.money)];
  return { ...(seconds === undefined ? {} : { seconds }), ...(coins === undefined ? {} : { coins }), ...(money === undefined ? {} : { money }) };
}
