import type { MeshNodeStatus, MeshPathStatus, MeshStatus } from './status.ts';

/** Something that keeps nodes of the mesh from each other, in one line that ends with what helps. */
export interface Finding {
  /** A node, or two of them. */
  readonly about: string;
  readonly text: string;
}

/** Of packets that were lost, beyond which a way is told of, in percent. */
const LOSSY = 10;
/** Before that few packets say nothing. */
const FEW = 10;

/** What is wrong in a mesh, nodes first: what is wrong with one explains its ways. Pure. */
export function diagnose(status: MeshStatus): readonly Finding[] {
  if (status.nodes.length === 0)
    return [
      {
        about: 'mesh',
        text: "no node is in it: run 'enxame join --mesh MANAGER:PORT' on each, or make machines with 'enxame machine create --mesh'",
      },
    ];
  const isSick = new Set(status.nodes.filter((node) => ofNode(node).length > 0).map(({ id }) => id));
  const isRevoked = new Set(status.revoked);
  return [
    ...status.outside.map((about) => ({
      about,
      text: isRevoked.has(about)
        ? `its agent was revoked: 'enxame agent allow ${about}' lets it in again; or take it out of discovery`
        : "discovery lists it, and its agent has not dialled in for the mesh: is 'enxame join --mesh' running there (journalctl -u enxame-mesh -u enxame-agent), does its TCP get to the manager's port, and is WireGuard installed? 'enxame mesh doctor --mesh MANAGER:PORT' on that host says which",
    })),
    ...status.nodes.flatMap((node) => ofNode(node).map((text) => ({ about: node.id, text }))),
    ...status.paths
      .filter(({ a, b }) => !isSick.has(a) && !isSick.has(b))
      .flatMap((path) => ofPath(path, status.mtu).map((text) => ({ about: `${path.a} and ${path.b}`, text }))),
  ];
}

function ofNode({ state, problems }: MeshNodeStatus): readonly string[] {
  if (state !== 'silent') return problems;
  return [
    "its agent does not answer: is its host up, is 'enxame join --mesh' running there, and does its TCP get to the manager's port? Until then it goes on as it was",
    ...problems,
  ];
}

function ofPath({ way, sent, lost, mtu }: MeshPathStatus, full: number): readonly string[] {
  if (way.kind === 'none')
    return [
      'they do not reach each other: no public node hears both; join one with --mesh-public, or open its UDP port',
    ];
  const percent = Math.round((lost / Math.max(sent, 1)) * 100);
  return [
    ...(sent >= FEW && percent >= LOSSY
      ? [
          `${percent} % of the packets between them are lost (${way.kind === 'relay' ? `by ${way.by}` : 'directly'}): look at the network of both`,
        ]
      : []),
    ...(mtu < full
      ? [
          `the network between them carries small packets only, and they send ${mtu} bytes at most: let ICMP "fragmentation needed" through, or raise its MTU to ${full + 60}`,
        ]
      : []),
  ];
}
