import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import { z } from 'zod';
import type { Findings } from './findings.ts';

const Found = z.object({ messages: z.number(), lost: z.number(), dropped: z.number(), waits: z.array(z.number()), lastWaits: z.array(z.number()) });

export interface Watchers {
  /** Once every socket has seen the last message. Rejects after `limit` milliseconds. */
  findings(limit: number): Promise<Findings>;
}

/** Resolves when all sockets are open. */
export async function startWatchers(address: string, count: number): Promise<Watchers> {
  const child = spawn(process.execPath, [join(import.meta.dirname, 'main.ts'), address, String(count)], { stdio: ['ignore', 'pipe', 'inherit'] });
  const lines = createInterface({ input: child.stdout });
  const gone = once(child, 'exit').then(() => {
    throw new Error('the watchers ended early');
  });
  await Promise.race([once(lines, 'line'), gone]);
  return {
    async findings(limit) {
      const timer = setTimeout(() => child.kill('SIGKILL'), limit);
      const line: readonly unknown[] = await Promise.race([once(lines, 'line'), gone]);
      clearTimeout(timer);
      return Found.parse(JSON.parse(String(line[0])));
    },
  };
}
