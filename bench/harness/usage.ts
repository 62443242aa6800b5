/** What a process costs, as Linux counts it. */
import { readFileSync } from 'node:fs';
import { setTimeout as sleep } from 'node:timers/promises';

/** Linux counts CPU time in hundredths of a second. */
const millisecondsPerTick = 10;

/** CPU milliseconds of a process since it began, user and system. */
export function cpuOf(pid: number): number {
  const stat = readFileSync(`/proc/${pid}/stat`, 'utf8');
  const columns = stat.slice(stat.lastIndexOf(')') + 2).split(' ');
  return (Number(columns[11]) + Number(columns[12])) * millisecondsPerTick;
}

/** As `cpuOf`, once the process has rested for a moment: what it put off is counted too. */
export async function settledCpuOf(pid: number): Promise<number> {
  let before = cpuOf(pid);
  for (const end = Date.now() + 15_000; Date.now() < end; ) {
    await sleep(250);
    const now = cpuOf(pid);
    if (now - before <= millisecondsPerTick) return now;
    before = now;
  }
  return before;
}

export interface Memory {
  /** Resident now, in MB. */
  readonly rss: number;
  /** Most there ever was, in MB. */
  readonly peak: number;
}

export function memoryOf(pid: number): Memory {
  const status = readFileSync(`/proc/${pid}/status`, 'utf8');
  const read = (name: string): number => Number(new RegExp(`^${name}:\\s+(\\d+) kB`, 'm').exec(status)?.[1] ?? 0) / 1024;
  return { rss: read('VmRSS'), peak: read('VmHWM') };
}

/** CPU milliseconds of this process since it began. */
export function ownCpu(): number {
  const { user, system } = process.cpuUsage();
  return (user + system) / 1_000;
}
