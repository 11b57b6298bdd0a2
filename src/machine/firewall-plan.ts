import { isIP, isIPv6 } from 'node:net';
import { FENCE_PEER_PORT } from '../common/kept-ports.ts';
import type { PortSources } from '../drivers/driver.ts';

/** How the machines of a cluster reach each other. */
export type ClusterMode =
  /** It is in none: its engine is used by itself. */
  | { readonly kind: 'alone' }
  /** Over the ports of its engine and of cluster networks. */
  | { readonly kind: 'ports' }
  /** Agents dial the managers: a member needs no open port at all. */
  | { readonly kind: 'dial' }
  /**
   * Over an encrypted network of their own, of which public machines have one UDP port. Managers call engines through agents, computers that
   * look after them through SSH; only machines of before have a port of the engine, for such computers.
   */
  | { readonly kind: 'mesh'; readonly port: number; readonly isPublic: boolean };

/** What a machine is in its cluster, as far as its firewall is concerned. */
export interface ClusterRole {
  readonly sshPort: number;
  /** Undefined: its engine listens at none. */
  readonly enginePort: number | undefined;
  /** Addresses of computers that look after it: its engine is open to them and the masters alone. Undefined: to everywhere. */
  readonly computers?: readonly string[] | undefined;
  /** Where its manager listens; undefined: it runs none. */
  readonly managerPort?: number | undefined;
  /** Ports of its server of the managers' store; undefined: it has none. */
  readonly store?: { readonly client: number; readonly peer: number } | undefined;
}

/** Who may reach a port. */
export type Audience =
  | 'everywhere'
  | 'members'
  | 'masters'
  /** The masters, the machine itself if it is one (its manager asks its engine at its address), and the computers that look after it. */
  | 'managers';

/** One port that a machine needs open. */
export interface Opening {
  readonly protocol: 'tcp' | 'udp';
  readonly port: number;
  readonly to: Audience;
  /** More addresses, for the audience `managers`. */
  readonly computers?: readonly string[];
}

/** Docker's swarm mode under cluster networks: 2377/tcp management, 7946/tcp and udp gossip, 4789/udp VXLAN data, which nobody encrypts. */
const NETWORK_OPENINGS: readonly Opening[] = [
  { protocol: 'tcp', port: 2377, to: 'members' },
  { protocol: 'tcp', port: 7946, to: 'members' },
  { protocol: 'udp', port: 4789, to: 'members' },
  { protocol: 'udp', port: 7946, to: 'members' },
];

/**
 * What a machine needs open, and for whom. What asks for a key or a client's certificate is open to everywhere, because people use it from
 * computers whose address is not known here: SSH, manager, the store's clients, and the engine until it is known who looks after the machine. The rest
 * is for machines of the cluster alone.
 */
export function openingsOf(mode: ClusterMode, role: ClusterRole): readonly Opening[] {
  const tcp = (port: number, to: Audience): Opening => ({ protocol: 'tcp', port, to });
  const manager = role.managerPort === undefined ? [] : [tcp(role.managerPort, 'everywhere')];
  const store = role.store ? [tcp(role.store.client, 'everywhere'), tcp(role.store.peer, 'masters')] : [];
  const own = [tcp(role.sshPort, 'everywhere'), ...manager, ...store];
  switch (mode.kind) {
    case 'alone':
      return [tcp(role.sshPort, 'everywhere'), ...engineOf({ ...role, computers: undefined })];
    case 'ports':
      return [...own, ...engineOf(role), tcp(FENCE_PEER_PORT, 'members'), ...NETWORK_OPENINGS];
    case 'dial':
      return own;
    case 'mesh':
      return [
        ...own,
        ...engineOf(role),
        ...(mode.isPublic ? [{ protocol: 'udp', port: mode.port, to: 'everywhere' } as const] : []),
      ];
  }
}

function engineOf({ enginePort: port, computers }: ClusterRole): readonly Opening[] {
  if (port === undefined) return [];
  return computers
    ? [{ protocol: 'tcp', port, to: 'managers', computers }]
    : [{ protocol: 'tcp', port, to: 'everywhere' }];
}

/** A machine of a cluster, for the firewalls of the others. */
export interface FirewallMember {
  readonly name: string;
  readonly isMaster: boolean;
  /** Where it was seen, and where others are told to reach it. What is no IP address is left out. */
  readonly addresses: readonly string[];
}

/** From where a machine (`own`) is reached at the ports that are not for everywhere: an empty list lets nobody in. */
export function sourcesOf(
  openings: readonly Opening[],
  others: readonly FirewallMember[],
  own?: FirewallMember,
): PortSources {
  const of = (members: readonly FirewallMember[]): readonly string[] =>
    [...new Set(members.flatMap(({ addresses }) => rangesOf(addresses)))].sort();
  const isMaster = (each: FirewallMember): boolean => each.isMaster;
  const sources = {
    members: of(others),
    masters: of(others.filter(isMaster)),
    managers: of([...others, ...(own ? [own] : [])].filter(isMaster)),
  };
  return new Map(
    openings.flatMap(({ protocol, port, to, computers = [] }) => {
      if (to === 'everywhere') return [];
      const more = to === 'managers' ? rangesOf(computers) : [];
      return [[`${port}/${protocol}`, [...new Set([...sources[to], ...more])].sort()] as const];
    }),
  );
}

/** What machines at several providers send each other that anybody in between could read, in one line; undefined for one provider. */
export function unencryptedNote(providers: Iterable<string>): string | undefined {
  const names = [...new Set(providers)].sort();
  if (names.length < 2) return undefined;
  return `this cluster is at ${names.slice(0, -1).join(', ')} and ${names.at(-1)}: what containers on cluster networks send each other (4789/udp) is not encrypted between them; all else is. Machines made with --mesh encrypt it`;
}

function rangesOf(addresses: readonly string[]): readonly string[] {
  return addresses.filter((each) => isIP(each) !== 0).map(rangeOf);
}

function rangeOf(address: string): string {
  return `${address}/${isIPv6(address) ? 128 : 32}`;
}
