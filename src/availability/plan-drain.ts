import type { ContainerSpec } from '../desired/container-spec.ts';
import type { ContainerRecord } from '../desired/record.ts';
import { fieldsOf } from '../scheduler/json.ts';
import type { Plan, PlannedNode } from './plan.ts';
import { type FailoverInput, type Manner, planFailover } from './plan-failover.ts';

export interface DrainInput extends Omit<FailoverInput, 'reason' | 'mannerOf'> {
  /** The nodes to be emptied. */
  readonly nodes: readonly PlannedNode[];
}

/**
 * Where the containers of nodes that are to be emptied go. What would not move by itself if its node were lost stays here, too: volumes
 * stay where they are, and an operator's `off` holds.
 */
export function planDrain({ nodes, ...input }: DrainInput): Plan {
  const drained = (record: ContainerRecord, spec: ContainerSpec, from: PlannedNode): Manner =>
    mannerOf(record, spec, `${from.name} is drained`);
  return planFailover({ ...input, reason: { kind: 'drain', nodes }, mannerOf: drained });
}

/** How a container leaves a healthy node. @param why in words */
export function mannerOf({ terms }: ContainerRecord, spec: ContainerSpec, why: string): Manner {
  if (terms.stopsFirst) return { how: 'stop-first', why: `${why}; it never runs twice` };
  if (terms.isStrict) return { how: 'stop-first', why: `${why}; it is fenced strictly` };
  if (hasFixedAddress(spec)) return { how: 'stop-first', why: `${why}; it keeps its address` };
  return { how: 'start-first', why };
}

function hasFixedAddress({ body }: ContainerSpec): boolean {
  const { EndpointsConfig } = fieldsOf(fieldsOf(body).NetworkingConfig);
  return Object.values(fieldsOf(EndpointsConfig)).some((endpoint) => {
    const { IPv4Address, IPv6Address } = fieldsOf(fieldsOf(endpoint).IPAMConfig);
    return Boolean(IPv4Address) || Boolean(IPv6Address);
  });
}
