import { assignPorts } from '../port-assignment.ts';
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

/** Ports named in a refusal, and ranges looked at for it: with many the first ones tell enough. */
const MAX_NAMED = 5;
const MAX_RANGES_EXPLAINED = 16;

function explain(ports: readonly PortRequest[], refused: readonly NodeView[]): string {
  const fixed = ports.filter(({ first, last }) => first === last);
  const ranges = ports.filter(({ first, last }) => first !== last).slice(0, MAX_RANGES_EXPLAINED);
  const taken: PortRequest[] = [];
  for (const port of [...fixed, ...ranges]) {
    if (taken.length > MAX_NAMED) break;
    if (refused.some((node) => assignPorts([port], node) === undefined)) taken.push(port);
  }
  // Ranges can each have a free port and still not have enough for all.
  const named = taken.length > 0 ? taken : ports;
  const more = named.length > MAX_NAMED ? ' and more' : '';
  return `host port ${named.slice(0, MAX_NAMED).map(portText).join(', ')}${more} is taken`;
}

function portText({ protocol, ip, first, last }: PortRequest): string {
  const host = ip === '' ? '' : ip.includes(':') && !ip.startsWith('[') ? `[${ip}]:` : `${ip}:`;
  return `${host}${first === last ? first : `${first}-${last}`}/${protocol}`;
}
