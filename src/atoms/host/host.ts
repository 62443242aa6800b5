import { readlinkSync } from 'node:fs';
import { hostname } from 'node:os';

/**
 * Names the place in which process ids count: the machine and, where there are several in it, the one that this process sees.
 * Containers of one pod, or on the network of their host, share a machine's name and number their processes each on its own.
 */
export function hostName(): string {
  try {
    return `${hostname()} ${readlinkSync('/proc/self/ns/pid')}`;
  } catch {
    return hostname();
  }
}
