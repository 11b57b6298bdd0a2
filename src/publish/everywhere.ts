import type { Node } from '../cluster/node.ts';
import type { Clock } from '../common/clock.ts';
import { keptBecause } from '../common/kept-ports.ts';
import type { Logger } from '../common/logger.ts';
import { MultiMap } from '../common/multi-map.ts';
import type { Connections } from '../relay/connections.ts';
import { bareAddress } from '../relay/own-host.ts';
import type { Client } from '../relay/target.ts';
import { type AgentConnections, AgentDoor, type AgentDoorDeps } from './agent-door.ts';
import type { Claim } from './claim.ts';
import { Ring, type RingDeps } from './ring.ts';

/** How long a start waits for the agents, in milliseconds. */
const SETTLE_MS = 1_500;
/** Nodes that are named where a port is not open. */
const MOST_NAMED = 3;

export interface EverywhereDeps extends RingDeps {
  readonly agents: AgentConnections;
  readonly nodeOf: (engineId: string) => Node | undefined;
  readonly connections: Connections;
  /** Whether an address is this machine's, and whether it is a node's. */
  readonly isOwnHost: (host: { readonly address: string }) => boolean;
  readonly isNode: (address: string) => boolean;
  /** See `AgentDoorDeps`. */
  readonly connectApi: AgentDoorDeps['connectApi'];
  /** Why a claim is not at other nodes has changed. */
  readonly onChange: (claim: Claim) => void;
  readonly clock: Clock;
  readonly logger: Logger;
}

/**
 * Published ports at the addresses of all nodes whose agents dial: which are to be open, and the agents' doors. Only the primary tells agents, since
 * it alone knows what is about to be stopped.
 */
export class Everywhere {
  readonly #deps: EverywhereDeps;
  /** By port, as `8080/tcp`. */
  readonly #rings = new Map<string, Ring>();
  readonly #places = new Map<Claim, string>();
  /** Claims of which other containers have the port. */
  readonly #waiting = new Set<Claim>();
  readonly #doors = new Map<string, AgentDoor>();
  readonly #doorsByNode = new Map<string, AgentDoor>();
  /** Doors that refuse a port. */
  #refusing = new MultiMap<string, AgentDoor>();
  #stop: AbortController | undefined;
  #unsubscribe: () => void = () => undefined;

  constructor(deps: EverywhereDeps) {
    this.#deps = deps;
  }

  /** Ports, and agents that have opened them. */
  get counts(): { readonly ports: number; readonly agents: number } {
    return { ports: this.#rings.size, agents: this.#doors.size };
  }

  /** What operators should know, in a line each. */
  problems(): readonly string[] {
    if (!this.#stop || this.#rings.size === 0 || this.#doors.size > 0) return [];
    return [
      'WARNING: published ports are at no other nodes: no agent has dialled ("enxame join --dial" on each of them opens them)',
    ];
  }

  /** Whether datagrams that say to come from there come from a UDP port that is open here or at the nodes. */
  isPublished({ address, port }: Client): boolean {
    const { connections, isOwnHost, isNode } = this.#deps;
    const host = { address: bareAddress(address) };
    if (connections.udpPorts.has(port) && isOwnHost(host)) return true;
    return this.#rings.has(`${port}/udp`) && (isOwnHost(host) || isNode(host.address));
  }

  /** This manager is the primary. Idempotent. */
  start(): void {
    if (this.#stop) return;
    this.#stop = new AbortController();
    const { agents } = this.#deps;
    this.#unsubscribe = agents.subscribe((id) => this.#meet(id));
    for (const { id } of agents.list()) this.#meet(id);
  }

  /** Another manager tells agents from now on. Idempotent. */
  async stop(): Promise<void> {
    this.#unsubscribe();
    this.#stop?.abort();
    this.#stop = undefined;
    for (const door of this.#doors.values()) door.close();
    this.#doors.clear();
    this.#doorsByNode.clear();
    this.#refusing = new MultiMap();
  }

  /** Where a claim is at the endpoint, or on which node its container is, has changed. */
  update(claim: Claim): void {
    if (claim.isGone || !claim.isEverywhere) return;
    const { protocol } = claim;
    const number = numberOf(claim);
    const kept = number !== undefined && keptBecause(protocol, number);
    if (kept) return claim.problem ? undefined : this.#refuse(claim, kept);
    const place = number === undefined ? undefined : placeOf(claim, number);
    if (this.#waiting.has(claim) && this.#holder(claim, place)) return;
    const before = this.#places.get(claim);
    if (place === before && before !== undefined) return this.#judge(before);
    this.#leave(claim);
    if (place === undefined) return;
    const holder = this.#holder(claim, place);
    if (holder) {
      this.#waiting.add(claim);
      return this.#refuse(claim, `container ${holder.copy.name} has it there`);
    }
    const ring = this.#rings.get(place);
    const own = ring ?? new Ring(this.#deps);
    this.#rings.set(place, own);
    this.#places.set(claim, place);
    own.join(claim);
    claim.ring = own;
    if (!ring) this.#tellAll();
    this.#judge(place);
  }

  remove(claim: Claim): void {
    this.#leave(claim);
  }

  /** Resolves when all agents have opened what they are to, as far as they answer, or after a while. */
  async settled(): Promise<void> {
    if (this.#doors.size === 0) return;
    const end = new AbortController();
    const limit = this.#deps.clock.sleep(SETTLE_MS, end.signal).catch(() => undefined);
    await Promise.race([Promise.all([...this.#doors.values()].map((door) => door.sync())), limit]);
    end.abort();
  }

  /** The agent of a node whose number its own engine is about to need, if it may have it open. */
  doorOf(node: Node): AgentDoor | undefined {
    if (this.#rings.size === 0) return undefined;
    return this.#doorsByNode.get(node.id);
  }

  /** Nodes on which containers do not reach this manager by a socket, by ID, with the reason. */
  socketRefusals(nodes: readonly Node[]): ReadonlyMap<string, string> {
    return new Map(
      nodes.flatMap(({ id }) => {
        const door = this.#doorsByNode.get(id);
        const why = door ? door.socketRefused : 'no agent of it dials ("enxame join --dial")';
        return why === undefined ? [] : [[id, `no cluster socket: ${why}`] as const];
      }),
    );
  }

  /** Leaves numbers (`8080/tcp`) to a copy of a container that is about to start at a node. */
  async makeRoom(door: AgentDoor, numbers: readonly string[], copyId: string): Promise<void> {
    const ours = numbers.filter((number) => this.#rings.has(number));
    if (ours.length === 0) return;
    const end = new AbortController();
    const limit = this.#deps.clock.sleep(SETTLE_MS, end.signal).catch(() => undefined);
    await Promise.race([door.spare(ours, copyId), limit]);
    end.abort();
  }

  /** Tries again what was refused. */
  retry(): void {
    const behind = [...this.#doors.values()].filter((door) => door.isBehind);
    if (behind.length === 0) return;
    const present = new Set(this.#deps.agents.list().map(({ id }) => id));
    for (const door of behind) {
      if (present.has(door.id)) void door.sync();
      else this.#drop(door);
    }
  }

  #meet(id: string): void {
    if (!this.#stop) return;
    const known = this.#doors.get(id);
    known?.renew();
    const door = known ?? this.#newDoor(id, this.#stop.signal);
    this.#doors.set(id, door);
    if (this.#rings.size > 0 || this.#deps.connectApi) void door.sync();
  }

  #newDoor(id: string, signal: AbortSignal): AgentDoor {
    const { agents, nodeOf, connections, connectApi, clock, logger } = this.#deps;
    return new AgentDoor(id, {
      agents,
      nodeOf,
      connections,
      connectApi,
      clock,
      logger,
      signal,
      ringOf: (place) => this.#rings.get(place),
      isPublished: (client) => this.isPublished(client),
      places: () => [...this.#rings.keys()],
      onAnswer: (door, before) => this.#onAnswer(door, before),
    });
  }

  #onAnswer(door: AgentDoor, before: AgentDoor['refused']): void {
    if (this.#doors.get(door.id) !== door) return;
    this.#claimNode(door);
    for (const place of Object.keys(before)) this.#refusing.remove(place, door);
    for (const place of Object.keys(door.refused)) this.#refusing.add(place, door);
    for (const place of new Set([...Object.keys(before), ...Object.keys(door.refused)])) this.#judge(place);
  }

  /** Notes whose agent it is. An agent may say that it has any engine: one is not believed where another one has more of a right to the node. */
  #claimNode(door: AgentDoor): void {
    const { node } = door;
    if (!node) return;
    const known = this.#doorsByNode.get(node.id);
    if (known === door) return;
    const right = rightTo(node, door);
    if (right !== undefined && (!known || right > (rightTo(node, known) ?? 0)))
      return void this.#doorsByNode.set(node.id, door);
    this.#deps.logger.warn({ agent: door.id, node: node.name }, 'an agent says that it has the engine of another one');
  }

  #drop(door: AgentDoor): void {
    door.close();
    this.#doors.delete(door.id);
    for (const [nodeId, each] of this.#doorsByNode) if (each === door) this.#doorsByNode.delete(nodeId);
  }

  #tellAll(): void {
    for (const door of this.#doors.values()) void door.sync();
  }

  /** A container that has the port and does not share it with this one. */
  #holder(claim: Claim, place: string | undefined): Claim | undefined {
    const [first] = (place !== undefined && this.#rings.get(place)?.claims) || [];
    return first && first.group !== claim.group ? first : undefined;
  }

  #leave(claim: Claim): void {
    this.#waiting.delete(claim);
    claim.problemElsewhere = undefined;
    const place = this.#places.get(claim);
    if (place === undefined) return;
    this.#places.delete(claim);
    claim.ring?.leave(claim);
    claim.ring = undefined;
    const ring = this.#rings.get(place);
    if (!ring || ring.claims.size > 0) return;
    this.#rings.delete(place);
    this.#tellAll();
    for (const other of [...this.#waiting]) if (placeOf(other, numberOf(other)) === place) this.update(other);
  }

  /** Says of the containers behind a port at which nodes it is not open. */
  #judge(place: string): void {
    const ring = this.#rings.get(place);
    if (!ring) return;
    const owners = new Set(
      [...ring.claims].flatMap((claim) => (placeOf(claim, claim.at.port) === place ? [claim.copy.node] : [])),
    );
    const where = this.#refusing.get(place).flatMap((door) => {
      const { node, id } = door;
      const refusal = door.whyNot(place, node !== undefined && owners.has(node));
      if (!refusal) return [];
      const name = node && this.#doorsByNode.get(node.id) === door ? node.name : id;
      return [`${name} (${refusal.isOfEngine ? 'its engine publishes another one there' : refusal.why})`];
    });
    const others = where.length - MOST_NAMED;
    const named = where.slice(0, MOST_NAMED).join(', ') + (others > 0 ? ` and ${others} more` : '');
    const problem = where.length === 0 ? undefined : `${place} not at ${named}`;
    for (const claim of ring.claims) this.#say(claim, problem);
  }

  #refuse(claim: Claim, why: string): void {
    this.#say(claim, `${claim.at.port}/${claim.protocol} not at other nodes: ${why}`);
  }

  #say(claim: Claim, problem: string | undefined): void {
    if (claim.problemElsewhere === problem) return;
    claim.problemElsewhere = problem;
    this.#deps.onChange(claim);
  }
}

/** How good a right an agent has to a node whose engine it says it has; undefined: none, since the node is reached over another agent. */
function rightTo(node: Node, { id }: AgentDoor): number | undefined {
  const { address } = node.client.connector;
  if (address.startsWith('agent://')) return address === `agent://${id}` ? 2 : undefined;
  return node.name === id ? 1 : 0;
}

function placeOf({ protocol }: Claim, number: number | undefined): string {
  return `${number}/${protocol}`;
}

/** The number at all nodes: that of the endpoint, or the one that was asked for where the endpoint cannot have it. */
function numberOf(claim: Claim): number | undefined {
  if (claim.isHere) return claim.at.port;
  if (claim.shared?.port !== undefined) return claim.shared.port;
  return claim.problem !== undefined && claim.isFixed ? claim.at.port : undefined;
}
