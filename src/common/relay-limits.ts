import { readFileSync } from 'node:fs';

/** How many connections may be open at a time. */
export interface RelayLimits {
  readonly total: number;
  readonly perPort: number;
}

/** Descriptors that are left to everything else. */
const OTHER_DESCRIPTORS = 1_024;
/** Where the system does not say. */
const USUAL_DESCRIPTORS = 4_096;

/** Bounds on relayed connections that this process has the descriptors for, two each; one port has at most half of them. */
export function relayLimits(most: number, descriptors: number = descriptorLimit()): RelayLimits {
  const total = Math.max(64, Math.min(most, Math.floor((descriptors - OTHER_DESCRIPTORS) / 2)));
  return { total, perPort: Math.floor(total / 2) };
}

/** Node raises the soft limit to the hard one when it starts. */
function descriptorLimit(): number {
  try {
    const [, soft] = /^Max open files\s+(\d+)/m.exec(readFileSync('/proc/self/limits', 'utf8')) ?? [];
    return soft === undefined ? USUAL_DESCRIPTORS : Number(soft);
  } catch {
    return USUAL_DESCRIPTORS; // Not Linux.
  }
}
