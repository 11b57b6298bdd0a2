import type { Container } from '../cluster/container.ts';
import { healthOf } from '../cluster/status.ts';
import type { Target } from '../relay/target.ts';
import { groupOf } from '../scheduler/groups.ts';
import { type NodePort, proxyVersionOf } from './node-ports.ts';

/** How long a copy that another one took the place of is waited for when it refuses connections, in milliseconds. */
const YOUNG_MS = 30_000;

/** How well a copy takes connections at present; undefined: not at all. */
export type Rank = 'well' | 'poorly' | undefined;

/** A port at the endpoint as the containers behind it know it. */
export interface Sharing {
  readonly protocol: NodePort['protocol'];
  /** Undefined while it is not open. */
  readonly port: number | undefined;
  readonly claims: ReadonlySet<Claim>;
  leave(claim: Claim): void;
  close(): void;
  /** Whether another copy than this one takes connections. */
  hasOther(copyId: string): boolean;
}

/** The containers behind a port, as far as one of them knows it. */
export type Company = Pick<Sharing, 'leave' | 'hasOther'>;

/** One port of a container that is to be at the endpoint, wherever the container is. */
export class Claim {
  readonly container: string;
  readonly key: string;
  readonly protocol: NodePort['protocol'];
  /** The copy that has the port now. */
  copy: Container;
  at: NodePort;
  target: Target;
  /** Whether the number was asked for; undefined: nobody knows yet. */
  isFixed: boolean | undefined;
  /** Where it is open, or about to be. */
  shared: Sharing | undefined;
  /** Why it is not at the endpoint; undefined when it is, or that is not known yet. */
  problem: string | undefined;
  /** Whether it is to be at the addresses of all nodes, too. */
  readonly isEverywhere: boolean;
  /** Whether its engine is this machine's, and opens it at the endpoint itself. */
  readonly isHere: boolean;
  /** The containers that share it at other nodes. */
  ring: Company | undefined;
  /** Why it is not at other nodes; undefined when it is, or is not to be. */
  problemElsewhere: string | undefined;
  /** The container does not run, and comes back in a moment: it is being moved. */
  isAway = false;
  isGone = false;
  /** Until when, by the clock's elapsed time, refused connections wait. */
  #youngUntilMs = Number.NEGATIVE_INFINITY;

  constructor(copy: Container, at: NodePort, where: Partial<Pick<Claim, 'isEverywhere' | 'isHere'>> = {}) {
    this.container = copy.id;
    this.key = `${copy.id} ${at.key}`;
    this.protocol = at.protocol;
    this.isEverywhere = where.isEverywhere ?? false;
    this.isHere = where.isHere ?? false;
    this.copy = copy;
    this.at = at;
    this.target = targetOf(copy, at);
  }

  /** Containers that stand in for each other: those of a group, else those of one image that are in none. */
  get group(): string {
    return groupOf(this.copy.labels) ?? `image\0${this.copy.image}`;
  }

  /** The container is listed anew, on the same node or another one. */
  update(copy: Container, at: NodePort, nowMs: number): void {
    if (copy.engineId !== this.target.id) this.#youngUntilMs = nowMs + YOUNG_MS;
    if (copy.engineId !== this.target.id || at.port !== this.at.port) this.isFixed = undefined;
    this.copy = copy;
    this.at = at;
    this.target = targetOf(copy, at);
    this.isAway = false;
  }

  rank(isLeaving: (copyId: string) => boolean): Rank {
    if (this.isAway || isLeaving(this.target.id)) return undefined;
    const { node, state, status } = this.copy;
    const health = healthOf(status);
    return node.isHealthy && state === 'running' && (health === 'healthy' || health === 'none') ? 'well' : 'poorly';
  }

  /** Whether it may take connections soon though it takes none now. */
  mayCome(nowMs: number): boolean {
    return this.isAway || nowMs < this.#youngUntilMs;
  }
}

function targetOf({ engineId, labels, node }: Container, { host, port, protocol }: NodePort): Target {
  const { connector } = node.client;
  const connect = connector.connectPort?.bind(connector, host, port, protocol);
  return { id: engineId, nodeId: node.id, host, port, proxyProtocol: proxyVersionOf(labels), connect };
}
