import { type RelayLimits, relayLimits } from '../common/relay-limits.ts';
import type { PublishOptions } from '../publish/publisher.ts';

/** Most connections at a time through ports of the endpoint. */
const MAX_CONNECTIONS = 16_384;

/** Bounds on relayed connections that this process has the descriptors for. */
export function connectionLimits(): RelayLimits {
  return relayLimits(MAX_CONNECTIONS);
}

/** As every manager publishes that is not told otherwise. */
export const PUBLISH_AT_NODES: PublishOptions = { at: 'node', host: '127.0.0.1', limits: connectionLimits() };
