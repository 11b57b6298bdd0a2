import { cpus, release, totalmem } from 'node:os';
import type { Environment } from './result.ts';

/** The machine as far as figures depend on it; nothing that would tell which one it is. */
export function environmentOf(now: Date = new Date()): Environment {
  const all = cpus();
  return {
    when: now.toISOString(),
    node: process.version,
    kernel: release().replace(/-.*/, ''),
    cpu: all[0]?.model.trim() ?? 'unknown',
    cores: all.length,
    memoryGiB: Math.round(totalmem() / 2 ** 30),
  };
}
