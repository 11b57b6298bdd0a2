import { readFileSync } from 'node:fs';

/**
 * Milliseconds since the machine started, to some ten. Time in which it was suspended counts, which it does not in `performance.now()`: for
 * promises that others hold one to meanwhile (proc(5), `/proc/uptime`).
 */
export function uptimeMs(): number {
  try {
    return Number(readFileSync('/proc/uptime', 'utf8').split(' ', 1)[0]) * 1000;
  } catch {
    return performance.now();
  }
}
