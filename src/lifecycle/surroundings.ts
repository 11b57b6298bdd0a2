import type { Container } from '../cluster/container.ts';
import type { Node } from '../cluster/node.ts';
import type { PendingPlacement } from '../cluster/placements.ts';
import { mountsClusterSocket } from '../desired/cluster-socket.ts';
import type { ContainerSpec } from '../desired/container-spec.ts';
import type { ProvisionalDeps } from './deps.ts';
import { replacedBy } from './replaced.ts';
import { keysOf } from './traffic.ts';

/** What a node is chosen by beside the specification and the cluster. */
export interface Surroundings {
  /** Nodes that cannot take it, by ID, with the reason. */
  readonly refused: ReadonlyMap<string, string>;
  /** Containers that go as soon as it is there. */
  readonly replaced: readonly Container[];
  /** Records the placement on a node that was chosen, from now until its `release`. */
  readonly begin: (node: Node) => ClaimedPlacement;
}

/** A pending placement with the homes that were taken for its volumes in the same turn. */
export interface ClaimedPlacement extends PendingPlacement {
  readonly claim: { readonly names: readonly string[]; undo(): void };
}

/** @param excluded nodes that failed at it already, by ID, with the reason */
export function surroundingsOf(
  { cluster, fences, networks, socketRefusals, traffic, volumes }: ProvisionalDeps,
  spec: ContainerSpec,
  excluded: ReadonlyMap<string, string>,
): Surroundings {
  const replaced = replacedBy(cluster, spec.name, spec.labels);
  const strictRefusals = isStrict(spec) ? fences.refusals() : [];
  const withoutSocket = socketRefusals && mountsClusterSocket(spec.body) ? socketRefusals() : [];
  return {
    refused: new Map([...networks.refusalsFor(spec.networks), ...strictRefusals, ...withoutSocket, ...excluded]),
    replaced,
    begin: (node) => {
      const placement = cluster.withoutReservationsOf(replaced, () =>
        cluster.beginPlacement(node, spec.placement, spec.labels),
      );
      const end = traffic.begin(keysOf(spec));
      return {
        ...placement,
        claim: volumes.claim(node, spec.volumes),
        release: () => {
          placement.release();
          end();
        },
      };
    },
  };
}

/** Whether it must never run twice. */
export function isStrict({ terms }: Pick<ContainerSpec, 'terms'>): boolean {
  return terms.isStrict === true;
}
