import type { NetworkSummary } from '../engine/types.ts';

/** Whether a listed network belongs to the substrate itself: clients never see it. */
export function isSubstrateInternal({ Name, Driver, Scope, Ingress }: NetworkSummary): boolean {
  if (Ingress || (Name === 'ingress' && Scope === 'swarm')) return true;
  return Name === 'docker_gwbridge' && Driver === 'bridge';
}

/** Whether a listed network is one of clients that spans the cluster. */
export function isClusterNetwork(network: NetworkSummary): boolean {
  return network.Scope === 'swarm' && isClusterNetworkId(network.Id) && !isSubstrateInternal(network);
}

/** IDs that swarm mode gives have 25 characters of base 36; the engine's own have 64 hexadecimal ones. */
export function isClusterNetworkId(id: string): boolean {
  return /^[a-z0-9]{25}$/.test(id);
}

/**
 * Endpoints of no container, by their key in an inspection's `Containers`: those of the substrate's load balancing
 * (`lb-…`), which have no sandbox while they are made and removed (`ep-…`, as every endpoint without one).
 */
export function isInternalEndpoint(key: string): boolean {
  return key.startsWith('lb-') || key.startsWith('ep-');
}
