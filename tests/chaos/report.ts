/** What came of all rounds, as a table. */
import { type Blow, blows } from './blows.ts';
import type { Outcome } from './rounds.ts';
import { isOf, steps } from './steps.ts';

export interface Round {
  readonly seed: number;
  readonly outcome: Outcome;
}

export function report(rounds: readonly Round[], seconds: number): string {
  const outcomes = rounds.map(({ outcome }) => outcome);
  const sum = (of: (outcome: Outcome) => number): number => outcomes.reduce((all, outcome) => all + of(outcome), 0);
  const figures = [
    ['rounds', rounds.length], ['seconds', Math.round(seconds)],
    ['tasks completed', sum(({ tasks }) => tasks['completed'] ?? 0)], ['tasks cancelled', sum(({ tasks }) => tasks['cancelled'] ?? 0)], ['tasks failed', sum(({ tasks }) => tasks['failed'] ?? 0)],
    ['attempts', sum(({ attempts }) => attempts)], ['executions', sum(({ executions }) => executions)], ['webhooks received', sum(({ webhooks }) => webhooks)],
    ['lost', sum((outcome) => outcome.lost)], ['doubled', sum((outcome) => outcome.doubled)], ['promises broken', sum(({ broken }) => broken.length)],
  ].map(([name, value]) => `  ${String(name).padEnd(20)}${String(value).padStart(8)}`);
  const failed = rounds.filter(({ outcome }) => outcome.broken.length > 0).flatMap(({ seed, outcome }) => [`  seed ${seed}`, ...outcome.broken.map((line) => `    ${line}`)]);
  return ['Struck while a task was at a step:', strikesTable(outcomes), '', ...figures, ...(failed.length > 0 ? ['', 'Broken:', ...failed] : []), ''].join('\n');
}

function strikesTable(outcomes: readonly Outcome[]): string {
  const strikes = outcomes.flatMap((outcome) => outcome.strikes);
  const names = isOf(steps);
  const count = (step: string, blow: Blow): number => strikes.filter((one) => one.step === step && one.blow === blow).length;
  const width = Math.max(...names.map((name) => name.length)) + 2;
  const line = (name: string, cells: readonly (string | number)[]): string => `  ${name.padEnd(width)}${cells.map((cell, n) => String(cell).padStart((blows[n]?.length ?? 0) + 2)).join('')}`;
  return [line('', blows), ...names.map((name) => line(name, blows.map((blow) => count(name, blow))))].join('\n');
}
