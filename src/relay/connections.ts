import type { Clock } from '../common/clock.ts';
import type { RelayLimits } from '../common/relay-limits.ts';
import { MOST_BEGUN, MOST_BEGUN_PER_PORT } from '../engine/dialled/datagrams.ts';
import { type EndableFlow, FairFlows } from './fair-flows.ts';

/** Between two looks for a target of one connection, in milliseconds; and how many looks a millisecond has room for. */
const LOOK_MS = 50;
const LOOKS_PER_MS = 8;

/** Connections, or flows of UDP, that could not be taken because there were too many; and what passed. The numbers only grow. */
export interface RelayTally {
  taken: number;
  refused: number;
  /** No container took it. */
  failed: number;
}

/** One connection, or flow, through a relay. */
export interface Relayed {
  /** Ends it at once. */
  destroy(): void;
  /** Where they are counted. */
  readonly bytesRead?: number;
  readonly bytesWritten?: number;
}

/** What is open, in total and to each copy of a container. */
export class Connections {
  readonly tally: RelayTally = { taken: 0, refused: 0, failed: 0 };
  /** Numbers of UDP ports that relays have open. */
  readonly udpPorts: Set<number> = new Set();
  /** Of connections that have ended. */
  readonly #ended = { received: 0, sent: 0 };
  readonly #limits: RelayLimits;
  readonly #open = new Set<Relayed>();
  readonly #perPort = new Map<object, number>();
  readonly #perTarget = new Map<string, number>();
  readonly #waiting = new Map<string, (() => void)[]>();
  readonly #flows = new FairFlows();
  /** Those that the agents of nodes carry, by the engine's ID. */
  readonly #carried = new Map<string, FairFlows>();
  #patient = 0;

  constructor(limits: RelayLimits) {
    this.#limits = limits;
  }

  /** What clients sent, and were sent, over TCP ports of the manager, in bytes. The numbers only grow. */
  get bytes(): { readonly received: number; readonly sent: number } {
    let { received, sent } = this.#ended;
    for (const { bytesRead = 0, bytesWritten = 0 } of this.#open) {
      received += bytesRead;
      sent += bytesWritten;
    }
    return { received, sent };
  }

  get size(): number {
    return this.#open.size;
  }

  /**
   * Takes in one more of a port; undefined when there are too many, else what ends it. Where there are too many in total, a flow of UDP ends for it if
   * another port has more of these.
   */
  take(port: object, relayed: Relayed): (() => void) | undefined {
    const ofPort = this.#perPort.get(port) ?? 0;
    if (this.#isFull && ofPort < this.#limits.perPort && this.#flows.most > ofPort + 1) this.#flows.endOneOfMost();
    return this.#take(port, relayed);
  }

  /** Takes in a flow of UDP; where there are too many, another one ends for it. Undefined when there is none that could. */
  takeFlow(port: object, flow: EndableFlow): (() => void) | undefined {
    if ((this.#perPort.get(port) ?? 0) >= this.#limits.perPort) this.#flows.endOneOf(port, flow.address);
    else if (this.#isFull) this.#flows.endOneFor({ port, address: flow.address });
    const release = this.#take(port, { destroy: flow.end });
    if (!release) return undefined;
    this.#flows.add(flow);
    return () => {
      this.#flows.remove(flow);
      release();
    };
  }

  /** Counts a flow that a node's agent carries; where that one has too many, another one ends for it. The returned function ends that. */
  carry(nodeId: string, flow: EndableFlow): () => void {
    const flows = this.#carried.get(nodeId) ?? new FairFlows();
    if (flows.of(flow.port) >= MOST_BEGUN_PER_PORT) flows.endOneOf(flow.port, flow.address);
    else if (flows.size >= MOST_BEGUN) flows.endOneFor(flow);
    this.#carried.set(nodeId, flows);
    flows.add(flow);
    return () => {
      flows.remove(flow);
      if (flows.size === 0 && this.#carried.get(nodeId) === flows) this.#carried.delete(nodeId);
    };
  }

  /** A flow was used: others were idle for longer. */
  use(flow: EndableFlow, nodeId: string): void {
    this.#flows.use(flow);
    this.#carried.get(nodeId)?.use(flow);
  }

  get #isFull(): boolean {
    return this.#open.size >= this.#limits.total;
  }

  #take(port: object, relayed: Relayed): (() => void) | undefined {
    const ofPort = this.#perPort.get(port) ?? 0;
    if (this.#isFull || ofPort >= this.#limits.perPort) {
      this.tally.refused += 1;
      return undefined;
    }
    this.tally.taken += 1;
    this.#open.add(relayed);
    this.#perPort.set(port, ofPort + 1);
    return () => {
      if (!this.#open.delete(relayed)) return;
      this.#ended.received += relayed.bytesRead ?? 0;
      this.#ended.sent += relayed.bytesWritten ?? 0;
      const left = (this.#perPort.get(port) ?? 1) - 1;
      if (left > 0) this.#perPort.set(port, left);
      else this.#perPort.delete(port);
    };
  }

  /** Notes that a connection leads to a target, or is about to; the returned function ends that. */
  lead(targetId: string): () => void {
    this.#perTarget.set(targetId, (this.#perTarget.get(targetId) ?? 0) + 1);
    let isEnded = false;
    return () => {
      if (isEnded) return;
      isEnded = true;
      const left = (this.#perTarget.get(targetId) ?? 1) - 1;
      if (left > 0) this.#perTarget.set(targetId, left);
      else this.#leave(targetId);
    };
  }

  /** Whether any connection leads to a target. */
  leadsTo(targetId: string): boolean {
    return this.#perTarget.has(targetId);
  }

  /** Resolves when none does. */
  ended(targetId: string): Promise<void> {
    if (!this.#perTarget.has(targetId)) return Promise.resolve();
    return new Promise((resolve) => this.#waiting.set(targetId, [...(this.#waiting.get(targetId) ?? []), resolve]));
  }

  /**
   * Waits with a connection that no target takes at present. The more wait, the longer: looks of all together are bounded, whatever clients do
   * while a container moves.
   */
  async rest(clock: Clock): Promise<void> {
    this.#patient += 1;
    try {
      await clock.sleep(Math.max(LOOK_MS, this.#patient / LOOKS_PER_MS));
    } finally {
      this.#patient -= 1;
    }
  }

  /** Ends all. */
  destroy(): void {
    for (const relayed of this.#open) relayed.destroy();
  }

  #leave(targetId: string): void {
    this.#perTarget.delete(targetId);
    const waiting = this.#waiting.get(targetId) ?? [];
    this.#waiting.delete(targetId);
    for (const resolve of waiting) resolve();
  }
}
