/** Where agents that end strict containers ask each other whether a manager is heard. */
export const FENCE_PEER_PORT = 2378;
/** Where WireGuard of the mesh listens, unless told otherwise. */
export const MESH_PORT = 51_820;

/**
 * Numbers that hosts need for services of their own, by `22/tcp`, and for what. No published port is opened at one by a manager or an agent: after a
 * reboot these may begin before the service does, which could not start then.
 */
const KEPT: ReadonlyMap<string, string> = new Map([
  ['22/tcp', 'SSH'],
  ['2375/tcp', 'the Docker API'],
  ['2376/tcp', 'the Docker API'],
  ['2377/tcp', 'Docker’s swarm mode'],
  [`${FENCE_PEER_PORT}/tcp`, 'agents of strict containers'],
  ['7946/tcp', 'Docker’s swarm mode'],
  ['7946/udp', 'Docker’s swarm mode'],
  ['4789/udp', 'Docker’s swarm mode'],
  [`${MESH_PORT}/udp`, 'the mesh'],
]);

/** Why a number is opened nowhere; undefined when it may be. `meshPort` is where WireGuard of this host listens, if it is told. */
export function keptBecause(protocol: 'tcp' | 'udp', port: number, meshPort: number = MESH_PORT): string | undefined {
  const service = protocol === 'udp' && port === meshPort ? 'the mesh' : KEPT.get(`${port}/${protocol}`);
  return service && `it is kept for ${service} of the host`;
}
