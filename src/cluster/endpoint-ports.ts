import type { PortSummary } from '../engine/types.ts';

/** An address that clients reach a published port at. */
export interface PortAddress {
  readonly ip: string;
  readonly port: number;
}

/** Which ports of a container are open at the manager's own address, and why others are not. */
export interface EndpointPorts {
  /** By {@link portKey} of the port at its node. */
  readonly open: ReadonlyMap<string, PortAddress>;
  /** In words, for people; undefined when all are open. */
  readonly problem: string | undefined;
}

/** Names one published port of a container: where its node has it, and what it leads to (`80/tcp`). */
export function portKey(ip: string, port: number | string, inside: string): string {
  return `${ip}|${port}|${inside}`;
}

/** Ports as clients reach them: those that are open at the endpoint with its address, the others as they are at their node. */
export function portsAtEndpoint(
  ports: readonly PortSummary[],
  endpoint: EndpointPorts | undefined,
): readonly PortSummary[] {
  if (!endpoint || endpoint.open.size === 0) return ports;
  return ports.map((port) => {
    const { IP = '', PublicPort, PrivatePort, Type } = port;
    const open =
      PublicPort === undefined ? undefined : endpoint.open.get(portKey(IP, PublicPort, `${PrivatePort}/${Type}`));
    return open ? { ...port, IP: open.ip, PublicPort: open.port } : port;
  });
}
