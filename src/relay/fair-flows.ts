import { networkOf } from '../common/client-network.ts';
import { Ranking } from '../common/ranking.ts';

/** A flow that may be ended in favour of another one. */
export interface EndableFlow {
  /** Whatever stands for the port that it came to. */
  readonly port: unknown;
  /** The client's. */
  readonly address: string;
  /** Ends it at once. */
  readonly end: () => void;
}

/** Flows of one port: those of each network of clients, the one that was idle for longest first. */
interface OfPort {
  readonly networks: Ranking<string>;
  readonly flows: Map<string, Set<EndableFlow>>;
}

/**
 * Flows that share a bound. The one that ends for another is of the port that has most, there of the client that has most, and there the one that was
 * idle for longest: a flood takes from itself.
 */
export class FairFlows {
  readonly #ports = new Ranking<unknown>();
  readonly #ofPorts = new Map<unknown, OfPort>();

  get size(): number {
    return this.#ports.total;
  }

  /** How many the port with the most has. */
  get most(): number {
    return this.#ports.most;
  }

  of(port: unknown): number {
    return this.#ports.count(port);
  }

  add(flow: EndableFlow): void {
    const ofPort = this.#ofPorts.get(flow.port) ?? { networks: new Ranking<string>(), flows: new Map() };
    this.#ofPorts.set(flow.port, ofPort);
    const network = networkOf(flow.address);
    const flows = ofPort.flows.get(network) ?? new Set();
    ofPort.flows.set(network, flows.add(flow));
    this.#ports.add(flow.port);
    ofPort.networks.add(network);
  }

  /** It is the one that was used last. */
  use(flow: EndableFlow): void {
    const network = networkOf(flow.address);
    const ofPort = this.#ofPorts.get(flow.port);
    const flows = ofPort?.flows.get(network);
    if (!ofPort || !flows?.delete(flow)) return;
    flows.add(flow);
    ofPort.networks.use(network);
    this.#ports.use(flow.port);
  }

  /** Idempotent. */
  remove(flow: EndableFlow): void {
    const network = networkOf(flow.address);
    const ofPort = this.#ofPorts.get(flow.port);
    const flows = ofPort?.flows.get(network);
    if (!ofPort || !flows?.delete(flow)) return;
    this.#ports.remove(flow.port);
    ofPort.networks.remove(network);
    if (flows.size === 0) ofPort.flows.delete(network);
    if (ofPort.flows.size === 0) this.#ofPorts.delete(flow.port);
  }

  /** Ends one so that there is room for another. False when there is none. */
  endOneFor({ port, address }: Omit<EndableFlow, 'end'>): boolean {
    const victim = this.#ports.most > this.of(port) ? this.#ports.top : port;
    return this.endOneOf(victim, victim === port ? address : undefined);
  }

  /** Ends one of a port, for another one of `address`. False when there is none. */
  endOneOf(port: unknown, address?: string): boolean {
    const ofPort = this.#ofPorts.get(port);
    if (!ofPort) return false;
    const { networks, flows } = ofPort;
    const own = address === undefined ? undefined : networkOf(address);
    const isOwn = own !== undefined && networks.count(own) > 0 && networks.most <= networks.count(own);
    const [oldest] = flows.get(isOwn ? own : (networks.top ?? '')) ?? [];
    if (!oldest) return false;
    this.remove(oldest);
    oldest.end();
    return true;
  }

  /** Ends one of the port that has most. False when there is none. */
  endOneOfMost(): boolean {
    return this.endOneOf(this.#ports.top);
  }
}
