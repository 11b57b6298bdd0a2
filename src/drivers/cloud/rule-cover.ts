import { type Cidr, overlap, parseAddress, parseCidr } from '../../common/cidr.ts';
import { type PortRange, portText, sourcesByVersion } from './ports.ts';

/** A range of ports from one network: the smallest part of what a firewall lets in. */
export interface Opened {
  readonly protocol: 'tcp' | 'udp';
  readonly from: number;
  readonly to: number;
  /** As written: `192.0.2.1/32`. */
  readonly network: string;
}

/** Ranges of ports, network by network. */
export function openedBy(ranges: readonly PortRange[]): readonly Opened[] {
  return ranges.flatMap((range) => {
    const { protocol, from, to } = range;
    const { v4, v6 } = sourcesByVersion(range);
    return [...v4, ...v6].map((network) => ({ protocol, from, to, network }));
  });
}

/** `7946/udp from 192.0.2.1/32`. */
export function openedText(opened: Opened): string {
  return `${portText(opened)} from ${opened.network}`;
}

const TEXT = /^(\d{1,5})(?:-(\d{1,5}))?\/(tcp|udp) from (\S+)$/;

/** Reads {@link openedText}; undefined for anything else. */
export function openedFrom(text: string): Opened | undefined {
  const [, from, to = from, protocol, network = ''] = TEXT.exec(text) ?? [];
  if (from === undefined || networkOf(network) === undefined) return undefined;
  return { protocol: protocol === 'udp' ? 'udp' : 'tcp', from: Number(from), to: Number(to), network };
}

/** Together again: one range for all networks of the same ports. */
export function rangesOf(all: readonly Opened[]): readonly PortRange[] {
  const networks = new Map<string, string[]>();
  for (const each of all) networks.set(portText(each), [...(networks.get(portText(each)) ?? []), each.network]);
  const ranges = new Map(all.map((each) => [portText(each), each]));
  return [...ranges].map(([text, { protocol, from, to }]) => ({
    protocol,
    from,
    to,
    sources: networks.get(text) ?? [],
  }));
}

/**
 * What some rules let in together, whatever they are written like: providers spell networks in their own way, and may make one rule of several.
 */
export class RuleCover {
  readonly #parts: readonly (Opened & { readonly cidr: Cidr })[];

  constructor(all: readonly Opened[]) {
    this.#parts = all.flatMap((each) => {
      const cidr = networkOf(each.network);
      return cidr ? [{ ...each, cidr }] : [];
    });
  }

  /** Whether all of it is let in. What is no network is not. */
  covers({ protocol, from, to, network }: Opened): boolean {
    const cidr = networkOf(network);
    if (cidr === undefined) return false;
    const near = this.#parts.filter(
      (each) => each.protocol === protocol && each.from <= to && each.to >= from && overlap(each.cidr, cidr),
    );
    // Between these ports nothing begins or ends.
    const ports = [from, ...near.flatMap((each) => [each.from, each.to + 1])].filter(
      (port) => port >= from && port <= to,
    );
    return ports.every((port) => spans(near.filter((each) => each.from <= port && each.to >= port).map(cidrOf), cidr));
  }
}

function cidrOf({ cidr }: { readonly cidr: Cidr }): Cidr {
  return cidr;
}

/** Whether blocks leave no address of another one out. */
function spans(blocks: readonly Cidr[], whole: Cidr): boolean {
  let next = whole.first;
  for (const { first, last } of [...blocks].sort((a, b) => (a.first < b.first ? -1 : 1))) {
    if (first > next) break;
    if (last >= next) next = last + 1n;
  }
  return next > whole.last;
}

/** A network, or an address by itself. */
function networkOf(text: string): Cidr | undefined {
  return parseCidr(text.includes('/') ? text : `${text}/${parseAddress(text)?.width ?? ''}`);
}
