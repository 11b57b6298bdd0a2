import { assignPorts } from '../reservation.ts';
import type { NodeView, PlacementRequest, PortRequest } from '../types.ts';
import type { Check, Filter } from './filter.ts';

/** Host ports must be free: among containers in any state and pending ones, per protocol and host address. */
export const portFilter: Filter = {
  name: 'port',
  prepare(request: PlacementRequest): Check | undefined {
    const { ports } = request;
    if (ports.length === 0) return undefined;
    const hasRange = ports.some((port) => port.first !== port.last);
    return {
      accepts: hasRange ? (node) => assignPorts(ports, node) !== undefined : (node) => areFree(ports, node),
      explain: (refused) => explain(ports, refused),
    };
  },
};

function areFree(ports: readonly PortRequest[], node: NodeView): boolean {
  for (const port of ports) if (node.usesPort(port.protocol, port.ip, port.first)) return false;
  return true;
}

function explain(ports: readonly PortRequest[], refused: readonly NodeView[]): string {
  const taken = ports.filter((port) => refused.some((node) => assignPorts([port], node) === undefined));
  // Ranges can each have a free port and still not have enough for all.
  const names = (taken.length > 0 ? taken : ports).map(portText).join(', ');
  return `host port ${names} is taken`;
}

function portText({ protocol, ip, first, last }: PortRequest): string {
  const host = ip === '' ? '' : ip.includes(':') && !ip.startsWith('[') ? `[${ip}]:` : `${ip}:`;
  return `${host}${first === last ? first : `${first}-${last}`}/${protocol}`;
}
