import { BadRequestError } from '../common/errors.ts';
import { fieldsOf, textOf } from './json.ts';
import { canonicalIp } from './port-table.ts';
import type { PortRequest, Protocol } from './types.ts';

/** Host ports a container may ask for one by one: as many as a host has of TCP, UDP and SCTP. */
const MAX_FIXED = 3 * 65_535;
/** Ranges of host ports of which a container takes one each; one option of `docker run` makes one. */
const MAX_RANGES = 256;

/**
 * Host ports a configuration asks for, each fixed one once. Published ports without a number (`-p 80`, `-P`) are the
 * engine's choice and claim nothing. On the host's network every exposed port is a host port. Time and result are linear
 * in the size of the configuration, and never more than there are ports.
 */
export function portRequestsOf(hostConfig: unknown, exposedPorts: unknown): PortRequest[] {
  const { NetworkMode, PortBindings } = fieldsOf(hostConfig);
  if (NetworkMode === 'host') return exposedOnHost(Object.keys(fieldsOf(exposedPorts)));
  const requests = new Map<string, PortRequest>();
  for (const [containerPort, bindings] of Object.entries(fieldsOf(PortBindings))) {
    for (const binding of Array.isArray(bindings) ? bindings : []) {
      const request = toPortRequest(containerPort, binding);
      if (!request) continue;
      const { protocol, ip, first, last } = request;
      // Each range takes a port of its own, however often it is written.
      requests.set(first === last ? `${protocol} ${canonicalIp(ip)} ${first}` : String(requests.size), request);
    }
  }
  return [...requests.values()];
}

/** Throws {@link BadRequestError} for more ports than a create may ask for: every node's are looked at. */
export function assertBounded(requests: readonly PortRequest[]): void {
  const ranges = requests.reduce((count, { first, last }) => (first === last ? count : count + 1), 0);
  if (ranges > MAX_RANGES) throw tooMany(`${ranges} ranges of host ports`, MAX_RANGES);
  if (requests.length - ranges > MAX_FIXED) throw tooMany(`${requests.length - ranges} host ports`, MAX_FIXED);
}

function tooMany(what: string, most: number): BadRequestError {
  return new BadRequestError(`create a container: ${what} requested, at most ${most} are allowed`, 'BAD_PORTS');
}

function toPortRequest(containerPort: string, binding: unknown): PortRequest | undefined {
  const { HostIp, HostPort } = fieldsOf(binding);
  const protocol = protocolOf(containerPort);
  const range = parsePortRange(textOf(HostPort));
  return protocol === undefined || range === undefined ? undefined : { protocol, ip: textOf(HostIp), ...range };
}

/** A range of exposed ports needs all of them, a range of host ports one of them. Overlapping ranges are walked once. */
function exposedOnHost(exposed: readonly string[]): PortRequest[] {
  const ranges = exposed.flatMap((text) => {
    const protocol = protocolOf(text);
    const range = parsePortRange(text.split('/')[0] ?? '');
    return protocol === undefined || range === undefined ? [] : [{ protocol, ...range }];
  });
  ranges.sort((a, b) => a.first - b.first);
  const reached: Record<Protocol, number> = { tcp: 0, udp: 0, sctp: 0 };
  const requests: PortRequest[] = [];
  for (const { protocol, first, last } of ranges) {
    for (let port = Math.max(first, reached[protocol] + 1); port <= last; port++) {
      requests.push({ protocol, ip: '', first: port, last: port });
      reached[protocol] = port;
    }
  }
  return requests;
}

/** `80` or `8000-8010`, compared as numbers; undefined for none, 0 and what is no port. */
function parsePortRange(text: string): { readonly first: number; readonly last: number } | undefined {
  const match = /^(\d{1,5})(?:-(\d{1,5}))?$/.exec(text.trim());
  if (match === null) return undefined;
  const first = Number(match[1]);
  const last = Number(match[2] ?? match[1]);
  return first >= 1 && first <= last && last <= 65_535 ? { first, last } : undefined;
}

function protocolOf(containerPort: string): Protocol | undefined {
  const name = (containerPort.split('/')[1] ?? 'tcp').toLowerCase();
  return name === 'tcp' || name === 'udp' || name === 'sctp' ? name : undefined;
}
