import type { ContainerSpec } from '../desired/container-spec.ts';
import type { NodeTies } from '../desired/terms.ts';
import type { LifecycleDeps } from './deps.ts';

/** What ties a container to the node it was placed on: volumes that were nowhere before have their home by then. */
export function tiesToNode(
  { volumes, networks }: Pick<LifecycleDeps, 'volumes' | 'networks'>,
  spec: ContainerSpec,
): NodeTies {
  return {
    localVolumes: spec.volumes.filter((name) => volumes.homeOf(name) !== undefined),
    localNetworks: spec.networks.filter((name) => networks.isLocal(name)),
  };
}
