import type { Links } from './links.ts';
import type { MeshMember } from './types.ts';

/** What keeps a member from reaching others, in words: found in what it and they report. */
export function hindrances(member: MeshMember, members: readonly MeshMember[], links: Links): readonly string[] {
  if (!links.isFresh(member.id)) return [];
  const others = members.filter(({ id }) => id !== member.id && links.isFresh(id));
  return [...blocked(member, others, links), ...narrow(member, others, links)];
}

function blocked(member: MeshMember, others: readonly MeshMember[], links: Links): readonly string[] {
  const isDown = (other: MeshMember): boolean => links.state(member, other) === 'down';
  if (member.endpoint !== undefined) {
    const isLost = others.length > 0 && others.every(isDown);
    return isLost ? [`nobody reaches it at udp ${member.endpoint}: open this port at its host and provider`] : [];
  }
  const relays = others.filter(({ endpoint }) => endpoint !== undefined);
  if (relays.length > 0 && relays.every(isDown)) {
    const ports = relays.map(({ endpoint }) => endpoint).join(', ');
    return [`it reaches no public node (udp ${ports}): does a firewall block UDP on its way out?`];
  }
  return others.length > 0 && relays.length === 0
    ? ['there is no public node that could pass on what is for it: join one with --mesh-public']
    : [];
}

function narrow(member: MeshMember, others: readonly MeshMember[], links: Links): readonly string[] {
  const lossy = others.filter((other) => links.measured(member, other)?.isNarrow).map(({ id }) => id);
  if (lossy.length === 0) return [];
  return [
    `nothing but very small packets gets to ${lossy.slice(0, 5).join(', ')}: the network between them carries less than 600 bytes`,
  ];
}
