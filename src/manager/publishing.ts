import { readFileSync } from 'node:fs';
import type { ConnectionLimits } from '../publish/connections.ts';
import type { PublishOptions } from '../publish/publisher.ts';

/** Most connections at a time through ports of the endpoint; each has two descriptors. */
const MAX_CONNECTIONS = 16_384;
/** Descriptors that are left to everything else. */
const OTHER_DESCRIPTORS = 1_024;
/** Where the system does not say. */
const USUAL_DESCRIPTORS = 4_096;

/** Bounds on relayed connections that this process has the descriptors for; one port has at most half of them. */
export function connectionLimits(): ConnectionLimits {
  const total = Math.max(64, Math.min(MAX_CONNECTIONS, Math.floor((descriptorLimit() - OTHER_DESCRIPTORS) / 2)));
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

/** As every manager publishes that is not told otherwise. */
export const PUBLISH_AT_NODES: PublishOptions = { at: 'node', host: '127.0.0.1', limits: connectionLimits() };
