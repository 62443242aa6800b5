/** Reports as Markdown, which reads well in a terminal too. */
import type { Bench, Check, Report, Table } from './bench.ts';

export function show({ title, about }: Bench, report: Report): string {
  const parts = [`## ${title}`, about, ...report.tables.map(tableText), report.checks.map(checkText).join('\n'), ...(report.notes ?? [])];
  return `${parts.filter((part) => part !== '').join('\n\n')}\n`;
}

function checkText({ what, ok, must }: Check): string {
  return `- ${must ? (ok ? 'kept' : 'BROKEN') : ok ? 'reached' : 'missed'}: ${what}`;
}

function tableText({ head, rows }: Table): string {
  const widths = head.map((cell, column) => Math.max(cell.length, 3, ...rows.map((row) => row[column]?.length ?? 0)));
  const line = (cells: readonly string[]): string => `| ${cells.map((cell, column) => cell.padEnd(widths[column] ?? 0)).join(' | ')} |`;
  return [line(head), `|${widths.map((width) => '-'.repeat(width + 2)).join('|')}|`, ...rows.map(line)].join('\n');
}

export const ms = (value: number): string => (value < 10 ? value.toFixed(2) : value < 100 ? value.toFixed(1) : value.toFixed(0));
export const whole = (value: number): string => value.toFixed(0);
export const ratio = (value: number): string => `${value.toFixed(2)}×`;
