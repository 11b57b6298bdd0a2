import type { PortSources } from '../driver.ts';

/** Ports to let in, both ends included. */
export interface PortRange {
  readonly protocol: 'tcp' | 'udp';
  readonly from: number;
  readonly to: number;
  /** Networks that may reach them; absent: everywhere. Never empty. */
  readonly sources?: readonly string[] | undefined;
}

const PATTERN = /^(\d{1,5})(?:-(\d{1,5}))?(?:\/(tcp|udp))?$/;

/** What is wrong with a value of `--DRIVER-open-port`, for a DriverOption's `problem`. */
export function portProblem(value: string | number): string | undefined {
  return parsePort(String(value)) === undefined ? 'is not a port like 8080, 53/udp or 7000-7010/tcp' : undefined;
}

/** What a `DriverContext` says must be reachable. */
export interface NeededPorts {
  readonly ports: readonly number[];
  readonly udpPorts: readonly number[];
  readonly sources?: PortSources | undefined;
}

/**
 * The ports that every machine needs and those asked for, in order, each once; what nobody may reach yet is left out. One that is asked for is
 * for everywhere. Texts that are not ports are left out.
 */
export function portRanges({ ports, udpPorts, sources }: NeededPorts, open: readonly string[]): readonly PortRange[] {
  const single =
    (protocol: 'tcp' | 'udp') =>
    (port: number): readonly PortRange[] => {
      const range = { protocol, from: port, to: port };
      const only = sources?.get(portText(range));
      if (only === undefined) return [range];
      return only.length === 0 ? [] : [{ ...range, sources: only }];
    };
  const needed = [...ports.flatMap(single('tcp')), ...udpPorts.flatMap(single('udp'))];
  const asked = open.map(parsePort).filter((range) => range !== undefined);
  return [...new Map([...needed, ...asked].map((range) => [portText(range), range])).values()];
}

/** The sources of a range, by IP version. */
export function sourcesByVersion({ sources }: PortRange): {
  readonly v4: readonly string[];
  readonly v6: readonly string[];
} {
  if (sources === undefined) return { v4: [EVERYWHERE_4], v6: [EVERYWHERE_6] };
  const v6 = sources.filter((each) => each.includes(':'));
  return { v4: sources.filter((each) => !v6.includes(each)), v6 };
}

const EVERYWHERE_4 = '0.0.0.0/0';
const EVERYWHERE_6 = '::/0';

/** `2376/tcp`, `7000-7010/udp`. */
export function portText({ protocol, from, to }: Pick<PortRange, 'protocol' | 'from' | 'to'>): string {
  return `${from === to ? from : `${from}-${to}`}/${protocol}`;
}

/**
 * What a provider's rule says of TCP or UDP ports: `22`, `7000-7010` or `7000:7010`, in whatever spelling of the protocol. Undefined for other
 * protocols, and for all ports at once.
 */
export function rangeOf(
  protocol: string | null,
  ports: string | null | undefined,
  sources: readonly string[],
): readonly PortRange[] | undefined {
  const range = ports == null ? undefined : parsePort(`${ports.replace(':', '-')}/${protocol?.toLowerCase()}`);
  return range && [{ ...range, sources }];
}

function parsePort(text: string): PortRange | undefined {
  const [, first, last = first, protocol = 'tcp'] = PATTERN.exec(text.trim()) ?? [];
  const [from, to] = [Number(first), Number(last)];
  if (first === undefined || from < 1 || to > 65_535 || from > to) return undefined;
  return { protocol: protocol === 'udp' ? 'udp' : 'tcp', from, to };
}
