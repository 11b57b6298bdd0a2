import type { DriverContext, PortSources } from '../driver.ts';
import { fitFirewall, type OwnFirewall } from './fit-firewall.ts';
import { type PortRange, portRanges } from './ports.ts';

/** What a person asked of a machine's firewall. */
export interface AskedPorts {
  /** Absent: 22, as everywhere. */
  readonly sshPort?: number;
  /** As of `--DRIVER-open-port`. */
  readonly open: readonly string[];
}

/** The firewall of one machine: what it lets in as it is made, and how it follows the cluster later. */
export class MachineFirewall<Rule> {
  readonly #context: DriverContext<unknown>;
  readonly #own: OwnFirewall<Rule>;
  readonly #asked: AskedPorts;

  constructor(context: DriverContext<unknown>, own: OwnFirewall<Rule>, asked: AskedPorts) {
    this.#context = context;
    this.#own = own;
    this.#asked = asked;
  }

  /** What it lets in as the machine is made. */
  get ranges(): readonly PortRange[] {
    return this.#ranges(this.#context.sources);
  }

  /** See `Driver.fitFirewall`. */
  async fit(sources: PortSources, signal: AbortSignal): Promise<void> {
    const { rules } = this.#own;
    const wanted = rules(this.#ranges(sources));
    await fitFirewall(this.#context, this.#own, { wanted, ports: rules(this.#ranges(undefined)) }, signal);
  }

  /** Without `sources` what it may ever let in. */
  #ranges(sources: PortSources | undefined): readonly PortRange[] {
    const { ports, udpPorts } = this.#context;
    const { sshPort, open } = this.#asked;
    return portRanges({ ports: [...ports, ...(sshPort === undefined ? [] : [sshPort])], udpPorts, sources }, open);
  }
}
