/** Where figures come from. The load is that of the last minute before: above 0.5 somebody else was at work. */
import { cpus, loadavg, totalmem } from 'node:os';

export function machine(): string {
  const [first, ...others] = cpus();
  const memory = Math.round(totalmem() / 1024 ** 3);
  return `${first?.model.trim() ?? 'unknown processor'}, ${others.length + 1} cores, ${memory} GB, Node ${process.versions.node}, ${process.platform}, ${new Date().toISOString().slice(0, 10)}, load ${(loadavg()[0] ?? 0).toFixed(1)} before`;
}
