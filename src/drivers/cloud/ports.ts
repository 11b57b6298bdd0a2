/** Ports to let in, both ends included. */
export interface PortRange {
  readonly protocol: 'tcp' | 'udp';
  readonly from: number;
  readonly to: number;
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
}

/** The ports that every machine needs and those asked for, in order, each once. Texts that are not ports are left out. */
export function portRanges({ ports, udpPorts }: NeededPorts, open: readonly string[]): readonly PortRange[] {
  const single =
    (protocol: 'tcp' | 'udp') =>
    (port: number): PortRange => ({ protocol, from: port, to: port });
  const needed = [...ports.map(single('tcp')), ...udpPorts.map(single('udp'))];
  const asked = open.map(parsePort).filter((range) => range !== undefined);
  return [...new Map([...needed, ...asked].map((range) => [portText(range), range])).values()];
}

/** `2376/tcp`, `7000-7010/udp`. */
export function portText({ protocol, from, to }: PortRange): string {
  return `${from === to ? from : `${from}-${to}`}/${protocol}`;
}

function parsePort(text: string): PortRange | undefined {
  const [, first, last = first, protocol = 'tcp'] = PATTERN.exec(text.trim()) ?? [];
  const [from, to] = [Number(first), Number(last)];
  if (first === undefined || from < 1 || to > 65_535 || from > to) return undefined;
  return { protocol: protocol === 'udp' ? 'udp' : 'tcp', from, to };
}
