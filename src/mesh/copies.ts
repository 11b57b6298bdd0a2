import { withDigest } from './plan.ts';
import { MESH_MTU, type MeshOrder } from './protocol.ts';
import type { MeshMember, MeshSight } from './types.ts';

/**
 * By agent ID: what refused agents are told that show a member's key. A copy of a disk has what the member was told last, too, and comes up with
 * it: the others would answer now the one and now the other. Without peers it calls nobody, and is called by nobody. Pure.
 */
export function quieten(
  refused: ReadonlySet<string>,
  sights: ReadonlyMap<string, MeshSight>,
  members: readonly MeshMember[],
  subnet: string,
): ReadonlyMap<string, MeshOrder> {
  const orders = new Map<string, MeshOrder>();
  for (const id of refused) {
    const key = sights.get(id)?.report.key;
    const twin = members.find((member) => member.id !== id && member.key === key);
    if (!twin) continue;
    orders.set(id, withDigest({ address: twin.address, subnet, mtu: MESH_MTU, peers: [], measured: [] }));
  }
  return orders;
}
