import { isIP } from 'node:net';
import type { Container } from '../cluster/container.ts';
import { portKey } from '../cluster/endpoint-ports.ts';
import type { Node } from '../cluster/node.ts';
import { PROXY_PROTOCOL_LABEL, PROXY_PROTOCOLS, PUBLISH_AT_LABEL, PUBLISH_PLACES } from '../common/labels.ts';
import { isOtherHost } from '../discovery/reachable.ts';
import type { ProxyVersion } from '../relay/proxy-header.ts';

/** Where ports are published: at the container's node alone, at the manager's address too, or at every node's as well. */
export type PublishAt = (typeof PUBLISH_PLACES)[number];

/** One port that a container publishes at its node. */
export interface NodePort {
  /** Tells it from the container's other ports, on every node that the container moves to. */
  readonly key: string;
  readonly protocol: 'tcp' | 'udp';
  readonly host: string;
  readonly port: number;
  /** What it leads to, `80/tcp`. */
  readonly inside: string;
  /** See `portKey`. */
  readonly listedKey: string;
}

const NONE: readonly NodePort[] = [];

/** Not a number in one of the spellings that resolvers know, such as 127.1. Sites list nodes by name. */
const NAME = /^(?:[\w-]+\.)*[a-z][\w-]*$/i;
const LOCALHOST = /(?:^|\.)localhost$/i;

/**
 * The ports of a running container that others than its node's own host reach: what it binds to a loopback address stays there, and nothing that an
 * engine says leads to a port of the relay's own host. SCTP is not relayed.
 */
export function nodePortsOf(container: Container): readonly NodePort[] {
  if (container.state !== 'running' && container.state !== 'paused') return NONE;
  if (!container.mentions('"PublicPort"')) return NONE;
  const { address } = container.node;
  const counted = new Map<string, number>();
  const published = (container.entry().Ports ?? []).flatMap(({ IP = '', PublicPort, PrivatePort, Type }) => {
    const isOpen = IP === address || isElsewhere(IP);
    if (PublicPort === undefined || !isPort(PublicPort) || !isOpen || (Type !== 'tcp' && Type !== 'udp')) return [];
    return [{ host: IP, port: PublicPort, inside: `${PrivatePort}/${Type}`, protocol: Type } as const];
  });
  // One that is bound to several addresses of its node is one at the endpoint.
  const seen = new Set<string>();
  const ports = published
    .sort((a, b) => a.port - b.port)
    .filter(({ port, inside }) => isNew(seen, `${port}|${inside}`));
  return ports.map((each) => {
    const nth = counted.get(each.inside) ?? 0;
    counted.set(each.inside, nth + 1);
    return {
      ...each,
      key: `${each.inside}#${nth}`,
      listedKey: portKey(each.host, each.port, each.inside),
    };
  });
}

function isElsewhere(host: string): boolean {
  return isIP(host) === 0 ? NAME.test(host) && !LOCALHOST.test(host) : isOtherHost(host);
}

function isPort(port: number): boolean {
  return Number.isInteger(port) && port > 0 && port < 65_536;
}

function isNew(seen: Set<string>, key: string): boolean {
  if (seen.has(key)) return false;
  seen.add(key);
  return true;
}

/** Those that the manager opens: at the endpoint, and at other nodes. */
export function portsToOpen(
  container: Container,
  byDefault: PublishAt,
  isOwnHost: (node: Pick<Node, 'address'>) => boolean,
): readonly NodePort[] {
  const at = publishAtOf(container.labels, byDefault);
  if (at === 'node' || container.isOfSwarm) return NONE;
  const ports = nodePortsOf(container);
  if (ports.length === 0) return NONE;
  // At the endpoint the engine of this host opens them itself.
  if (isOwnHost(container.node)) return at === 'endpoint' ? NONE : ports;
  // Another engine has no port here, whatever it says: nothing leads from a port of this machine to one of this machine.
  return ports.filter(({ host }) => !isOwnHost({ address: host }));
}

/** Where a container's ports are to be; a label that says nothing known counts as none. */
export function publishAtOf(labels: Readonly<Record<string, string>>, byDefault: PublishAt): PublishAt {
  return PUBLISH_PLACES.find((place) => place === labels[PUBLISH_AT_LABEL]) ?? byDefault;
}

export function proxyVersionOf(labels: Readonly<Record<string, string>>): ProxyVersion | undefined {
  return PROXY_PROTOCOLS.find((version) => version === labels[PROXY_PROTOCOL_LABEL]);
}
