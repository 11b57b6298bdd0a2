import type { Container } from '../cluster/container.ts';
import type { ClusterEvent } from '../cluster/events.ts';
import type { Node } from '../cluster/node.ts';
import type { Clock } from '../common/clock.ts';
import { reasonOf } from '../common/errors.ts';
import type { RelayLimits } from '../common/relay-limits.ts';
import type { Timer } from '../common/timer.ts';
import { Connections } from '../relay/connections.ts';
import type { AgentConnections, AgentDoorDeps } from './agent-door.ts';
import { Claim } from './claim.ts';
import { Everywhere } from './everywhere.ts';
import { isFixedAt, numbersAskedFor } from './fixed-ports.ts';
import { Leaving } from './leaving.ts';
import { type NodePort, type PublishAt, portsToOpen, publishAtOf } from './node-ports.ts';
import { EndpointAddress } from './open-port.ts';
import { PortTable } from './port-table.ts';
import type { RingDeps } from './ring.ts';
import { ShownPorts, type ShownPortsDeps } from './shown-ports.ts';

/** Between two tries of ports that could not be opened, in milliseconds. */
const RETRY_MS = 5_000;
/** How long the answer to a start waits until the container's ports are open, in milliseconds. */
const SETTLE_MS = 5_000;

export interface PublisherDeps extends ShownPortsDeps {
  /** Agents that dialled in, which open ports at their nodes. */
  readonly agents: AgentConnections;
  /** See `AgentDoorDeps`. */
  readonly connectApi?: AgentDoorDeps['connectApi'];
  /** Whether a node is this machine: what its engine publishes is here already. */
  readonly isOwnHost: (node: Pick<Node, 'address'>) => boolean;
  readonly clock: Clock;
}

export interface PublishOptions {
  /** For containers that say nothing themselves. */
  readonly at: PublishAt;
  /** The IP address that ports are opened at; undefined: every address of this machine. */
  readonly host: string | undefined;
  readonly limits: RelayLimits;
}

/** One copy of a container. */
export interface CopyOf {
  /** The container's ID. */
  readonly id: string;
  readonly engineId: string;
}

/** What is at the endpoint of one container. */
interface Published {
  copy: Container;
  readonly claims: Map<string, Claim>;
}

/**
 * Opens what containers publish on their nodes at the manager's address, too, and follows the containers: from the changes that the model
 * tells, and from what was there before. It changes nothing on any node.
 */
export class Publisher {
  readonly connections: Connections;
  /** Ports at other nodes, which the primary has opened. */
  readonly everywhere: Everywhere;
  readonly #deps: PublisherDeps;
  readonly #at: PublishAt;
  readonly #address: EndpointAddress;
  readonly #shown: ShownPorts;
  readonly #table: PortTable;
  /** By the container's ID. */
  readonly #published = new Map<string, Published>();
  readonly #leaving: Leaving;
  /** Engine IDs of the copies of containers, by ID, that connections wait for: another one is about to take their place. */
  readonly #held = new Map<string, string>();
  readonly #timer: Timer;
  #unsubscribe: (() => void) | undefined;

  constructor(deps: PublisherDeps, options: PublishOptions) {
    this.#deps = deps;
    this.#at = options.at;
    this.connections = new Connections(options.limits);
    this.#address = new EndpointAddress(options.host);
    this.#shown = new ShownPorts(deps, this.#address.shown);
    this.#leaving = new Leaving(this.connections, deps.clock);
    this.#timer = deps.clock.coarseTimer(() => this.#retry());
    const terms: RingDeps = {
      isLeaving: (copyId) => this.#leaving.has(copyId),
      nowMs: () => deps.clock.elapsed(),
    };
    this.#table = new PortTable({
      open: (protocol, port, targets) =>
        this.#address.open(protocol, port, {
          targets,
          connections: this.connections,
          clock: deps.clock,
          isPublished: (client) => this.everywhere.isPublished(client),
        }),
      askFixed: (claim) => isFixedAt(claim),
      onChange: (claim) => this.#onChange(claim),
      ...terms,
    });
    this.everywhere = new Everywhere({
      agents: deps.agents,
      nodeOf: (engineId) => deps.cluster.node(engineId),
      connections: this.connections,
      isOwnHost: deps.isOwnHost,
      isNode: (ip) => deps.cluster.nodes.some(({ address, addresses }) => address === ip || addresses.has(ip)),
      connectApi: deps.connectApi,
      onChange: (claim) => this.#tellOf(claim, claim.problemElsewhere),
      clock: deps.clock,
      logger: deps.logger,
      ...terms,
    });
  }

  /** How many ports are open, and how many could not be opened. */
  get counts(): { readonly open: number; readonly waiting: number } {
    return { open: this.#table.size, waiting: this.#table.waiting };
  }

  /** Begins with the containers that are known by now. Idempotent. */
  start(): void {
    if (this.#unsubscribe) return;
    const { cluster } = this.#deps;
    this.#unsubscribe = cluster.subscribe((event) => this.#onEvent(event));
    for (const container of cluster.containerList) this.#follow(container);
    this.#timer.start(RETRY_MS);
  }

  /** Closes all ports, and ends what passes through them. Idempotent. */
  close(): void {
    this.#unsubscribe?.();
    this.#timer.stop();
    void this.everywhere.stop(); // Never rejects.
    this.#table.close();
    this.connections.destroy();
  }

  /**
   * A copy of a container is about to be stopped: others are chosen from now on, until {@link resume}. Resolves when its connections have
   * ended, or after a while; at once for a container that is not moved when no other one takes its connections.
   */
  async drain({ id, engineId }: CopyOf, why: 'moved' | 'stopped'): Promise<void> {
    const claims = [...(this.#published.get(id)?.claims.values() ?? [])];
    const hasOther = (): boolean =>
      claims.some(({ shared, ring }) => shared?.hasOther(engineId) || ring?.hasOther(engineId));
    await this.#leaving.drain(engineId, why, hasOther);
  }

  /** A copy was stopped, or goes on after all. Once for each {@link drain}. */
  resume(copyId: string): void {
    this.#leaving.resume(copyId);
  }

  /**
   * A container is about to be stopped because another copy takes its place: its ports stay open, and connections that no other container
   * takes wait, until the returned function is called.
   */
  hold(container: string): () => void {
    const published = this.#published.get(container);
    if (!published) return () => undefined;
    this.#held.set(container, published.copy.engineId);
    for (const claim of published.claims.values()) claim.isAway = true;
    return () => {
      this.#held.delete(container);
      const current = this.#deps.cluster.findContainer(container);
      if (current?.id === container) this.#follow(current);
      else this.#forget(container);
    };
  }

  /** A container is about to start: its engine gets the numbers that it asks for, of this machine and of its own. Never rejects. */
  async makeRoom(copy: Container): Promise<void> {
    const isHere = this.#table.size > 0 && this.#deps.isOwnHost(copy.node);
    const door = this.everywhere.doorOf(copy.node);
    if (!isHere && !door) return;
    const numbers = await numbersAskedFor(copy);
    if (isHere) for (const number of numbers) this.#table.yield(number);
    if (door) await this.everywhere.makeRoom(door, numbers, copy.engineId);
  }

  /** Resolves when it is known which ports of a container are open, or after a while. */
  async settled(container: string): Promise<void> {
    const claims = [...(this.#published.get(container)?.claims.values() ?? [])];
    if (claims.length === 0) return;
    const end = new AbortController();
    const limit = this.#deps.clock.sleep(SETTLE_MS, end.signal).catch(() => undefined);
    await Promise.race([Promise.all(claims.map((claim) => this.#table.settled(claim))), limit]);
    end.abort();
    if (claims.some(({ ring }) => ring !== undefined)) await this.everywhere.settled();
  }

  #onEvent(event: ClusterEvent): void {
    switch (event.kind) {
      case 'container-added':
        return this.#follow(event.after);
      case 'container-changed':
        if (event.before.id !== event.after.id) this.#forget(event.before.id);
        return this.#follow(event.after);
      case 'container-removed':
        // Another copy may have its identity by now.
        if (this.#published.get(event.before.id)?.copy.engineId === event.before.engineId) this.#leave(event.before.id);
        return;
      default:
        return;
    }
  }

  /** Makes what is at the endpoint what the container publishes now. */
  #follow(container: Container): void {
    const { id } = container;
    const ports = portsToOpen(container, this.#at, this.#deps.isOwnHost);
    if (ports.length === 0) return this.#leave(id);
    const published = this.#published.get(id) ?? { copy: container, claims: new Map<string, Claim>() };
    this.#published.set(id, published);
    const before = published.copy;
    published.copy = container;
    const isHere = this.#deps.isOwnHost(container.node);
    const kept = new Set(ports.map(({ key }) => claimKey(key, isHere)));
    for (const [key, claim] of published.claims) if (!kept.has(key)) this.#drop(published, key, claim);
    const isAway = this.#held.get(id) === container.engineId;
    for (const port of ports) this.#claim(published, port, { isAway, isHere });
    if (before.engineId !== container.engineId) this.#shown.hide(before);
    this.#showNow(published);
  }

  #claim(published: Published, port: NodePort, { isAway, isHere }: Pick<Claim, 'isAway' | 'isHere'>): void {
    const { copy, claims } = published;
    const key = claimKey(port.key, isHere);
    const known = claims.get(key);
    if (known) known.update(copy, port, this.#deps.clock.elapsed());
    const isEverywhere = publishAtOf(copy.labels, this.#at) === 'everywhere';
    const claim = known ?? new Claim(copy, port, { isEverywhere, isHere });
    claim.isAway = isAway;
    claims.set(key, claim);
    if (!known && !isHere) return this.#table.add(claim);
    this.everywhere.update(claim);
  }

  /** The container does not run, or is not to be at the endpoint any more; while it is held, its ports stay. */
  #leave(container: string): void {
    const published = this.#published.get(container);
    if (!published) return;
    if (!this.#held.has(container)) return this.#forget(container);
    for (const claim of published.claims.values()) claim.isAway = true;
  }

  #forget(container: string): void {
    const published = this.#published.get(container);
    if (!published) return;
    this.#published.delete(container);
    for (const [key, claim] of published.claims) this.#drop(published, key, claim);
    this.#shown.hide(published.copy);
  }

  #drop(published: Published, key: string, claim: Claim): void {
    published.claims.delete(key);
    this.#table.remove(claim);
    this.everywhere.remove(claim);
  }

  #onChange(claim: Claim): void {
    this.#tellOf(claim, claim.problem);
    this.everywhere.update(claim);
  }

  #tellOf(claim: Claim, problem: string | undefined): void {
    const published = this.#published.get(claim.container);
    if (claim.isGone || !published) return;
    this.#showNow(published);
    if (problem !== undefined) this.#shown.tell(claim.copy, problem);
  }

  #showNow({ copy, claims }: Published): void {
    this.#shown.show(copy, claims.values());
  }

  #retry(): void {
    try {
      this.#table.retry();
      this.everywhere.retry();
    } catch (error) {
      this.#deps.logger.error({ reason: reasonOf(error) }, 'ports were not tried again');
    }
    this.#timer.start(RETRY_MS);
  }
}

/** A container that comes to this host, or leaves it, has other claims. */
function claimKey(key: string, isHere: boolean): string {
  return isHere ? `here ${key}` : key;
}
