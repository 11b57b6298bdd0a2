import type { DriverContext, FitOptions, PortSources } from '../driver.ts';
import { fitFirewall, type OwnFirewall } from './fit-firewall.ts';
import { type PortRange, portRanges, sourcesByVersion } from './ports.ts';

/** What a person asked of a machine's firewall. */
export interface AskedPorts {
  /** Absent: 22, as everywhere. */
  readonly sshPort?: number;
  /** As of `--DRIVER-open-port`. */
  readonly open: readonly string[];
  /** The machine has no IPv6 address: rules are for IPv4. */
  readonly isV4Only?: boolean;
}

/** The firewall of one machine: what it lets in as it is made, and how it follows the cluster later. */
export interface MachineFirewall {
  /** What it lets in as the machine is made. */
  readonly ranges: readonly PortRange[];
  /** All that it may ever have to let in, for whomever. */
  readonly needed: readonly PortRange[];
  /** See `Driver.fitFirewall`. */
  fit(sources: PortSources, signal: AbortSignal, options?: FitOptions): Promise<void>;
}

export function machineFirewall<Rule>(
  context: DriverContext<unknown>,
  own: OwnFirewall<Rule>,
  { sshPort, open, isV4Only = false }: AskedPorts,
): MachineFirewall {
  const { udpPorts } = context;
  const ports = [...context.ports, ...(sshPort === undefined ? [] : [sshPort])];
  const rangesFor = (sources: PortSources | undefined): readonly PortRange[] => {
    const ranges = portRanges({ ports, udpPorts, sources }, open);
    return isV4Only ? ranges.flatMap(v4Of) : ranges;
  };
  const needed = rangesFor(undefined);
  return {
    ranges: rangesFor(context.sources),
    needed,
    fit: (sources, signal, options) =>
      fitFirewall(context, own, { wanted: rangesFor(sources), ports: needed, ...options }, signal),
  };
}

function v4Of(range: PortRange): readonly PortRange[] {
  const { v4 } = sourcesByVersion(range);
  return v4.length === 0 ? [] : [{ ...range, sources: v4 }];
}
