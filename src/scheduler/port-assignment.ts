import { canonicalIp, PortTable } from './port-table.ts';
import type { NodeView, PortClaim, PortRequest } from './types.ts';

/** Taken ports looked at on one node before it counts as having none free: more than all of one address. */
const MAX_STEPS = 200_000;

/**
 * A free host port for each request on a node, the lowest of its range; undefined when one finds none. Fixed ports
 * come first, then ranges by their end, so that whatever fits on one address is found. No taken port is looked at
 * twice for one address: the work is that of the ports there are, not of ranges times ports.
 */
export function assignPorts(requests: readonly PortRequest[], node: NodeView): PortClaim[] | undefined {
  const fixed = requests.filter(({ first, last }) => first === last);
  const claims: PortClaim[] = [];
  for (const { protocol, ip, first } of fixed) {
    // A container that names one fixed port twice (on two addresses, or by mistake) is the engine's to judge.
    if (node.usesPort(protocol, ip, first)) return undefined;
    claims.push({ protocol, ip, port: first });
  }
  if (fixed.length === requests.length) return claims;
  const ranges = requests.filter(({ first, last }) => first !== last).sort((a, b) => a.last - b.last);
  const free = new FreePorts(node, claims);
  for (const request of ranges) {
    const port = free.take(request);
    if (port === undefined) return undefined;
    claims.push({ protocol: request.protocol, ip: request.ip, port });
  }
  return claims;
}

/** The free ports of a node while one request is fitted in: they only become fewer. */
class FreePorts {
  readonly #node: NodeView;
  readonly #taken = new PortTable();
  /** Protocol and address → taken port → the port to look at next. */
  readonly #next = new Map<string, Map<number, number>>();
  #steps = 0;

  constructor(node: NodeView, claims: readonly PortClaim[]) {
    this.#node = node;
    for (const claim of claims) this.#taken.add(claim);
  }

  /** Takes the lowest free port of a range. */
  take({ protocol, ip, first, last }: PortRequest): number | undefined {
    const key = `${protocol} ${canonicalIp(ip)}`;
    const next = this.#next.get(key) ?? new Map<number, number>();
    this.#next.set(key, next);
    const passed: number[] = [];
    let port = first;
    for (;;) {
      const known = next.get(port);
      if (known === undefined) {
        if (port > last || !this.#isTaken(protocol, ip, port)) break;
        if (++this.#steps > MAX_STEPS) return undefined;
      }
      passed.push(port);
      port = known ?? port + 1;
    }
    // The next search that reaches one of these goes on from here.
    for (const each of passed) next.set(each, port);
    if (port > last) return undefined;
    this.#taken.add({ protocol, ip, port });
    return port;
  }

  #isTaken(protocol: PortRequest['protocol'], ip: string, port: number): boolean {
    return this.#node.usesPort(protocol, ip, port) || this.#taken.uses(protocol, ip, port);
  }
}
