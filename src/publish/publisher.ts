import type { Cluster } from '../cluster/cluster.ts';
import type { Container } from '../cluster/container.ts';
import type { ClusterEvent } from '../cluster/events.ts';
import type { Node } from '../cluster/node.ts';
import type { Clock } from '../common/clock.ts';
import { reasonOf } from '../common/errors.ts';
import type { Logger } from '../common/logger.ts';
import type { RelayLimits } from '../common/relay-limits.ts';
import type { Timer } from '../common/timer.ts';
import type { Notice } from '../notify/notice.ts';
import { Connections } from '../relay/connections.ts';
import type { AgentConnections, AgentDoorDeps } from './agent-door.ts';
import { Claim } from './claim.ts';
import { Everywhere } from './everywhere.ts';
import { isFixedAt, numbersAskedFor } from './fixed-ports.ts';
import { type NodePort, nodePortsOf, type PublishAt, publishAtOf } from './node-ports.ts';
import { EndpointAddress } from './open-port.ts';
import { PortTable } from './port-table.ts';
import type { RingDeps } from './ring.ts';

/** Between two tries of ports that could not be opened, in milliseconds. */
const RETRY_MS = 5_000;
/** How long connections to a copy that is to be stopped may take to end: when it is moved, and when it is stopped, in milliseconds. */
const MOVED_DRAIN_MS = 10_000;
const STOPPED_DRAIN_MS = 2_000;
/** How long the answer to a start waits until the container's ports are open, in milliseconds. */
const SETTLE_MS = 5_000;

export interface PublisherDeps {
  readonly cluster: Cluster;
  /** Agents that dialled in, which open ports at their nodes. */
  readonly agents: AgentConnections;
  /** See `AgentDoorDeps`. */
  readonly connectApi?: AgentDoorDeps['connectApi'];
  /** Tells operators, and clients of `docker events`. */
  readonly tell: (notice: Notice) => void;
  /** Whether a node is this machine: what its engine publishes is here already. */
  readonly isOwnHost: (node: Pick<Node, 'address'>) => boolean;
  readonly clock: Clock;
  readonly logger: Logger;
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
  readonly #table: PortTable;
  /** By the container's ID. */
  readonly #published = new Map<string, Published>();
  /** Copies that are about to be stopped, by the engine's ID, with how many want that. */
  readonly #leaving = new Map<string, number>();
  /** Engine IDs of the copies of containers, by ID, that connections wait for: another one is about to take their place. */
  readonly #held = new Map<string, string>();
  readonly #timer: Timer;
  #unsubscribe: (() => void) | undefined;

  constructor(deps: PublisherDeps, options: PublishOptions) {
    this.#deps = deps;
    this.#at = options.at;
    this.connections = new Connections(options.limits);
    this.#address = new EndpointAddress(options.host);
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
  async drain({ id, engineId: copyId }: CopyOf, why: 'moved' | 'stopped'): Promise<void> {
    const published = this.#published.get(id);
    const shared = [...(published?.claims.values() ?? [])].flatMap(({ shared, ring }) =>
      [shared ?? [], ring ?? []].flat(),
    );
    this.#leaving.set(copyId, (this.#leaving.get(copyId) ?? 0) + 1);
    if (!this.connections.leadsTo(copyId)) return;
    if (why === 'stopped' && !shared.some((each) => each.hasOther(copyId))) return;
    const end = new AbortController();
    const limit = this.#deps.clock.sleep(why === 'moved' ? MOVED_DRAIN_MS : STOPPED_DRAIN_MS, end.signal);
    await Promise.race([this.connections.ended(copyId), limit.catch(() => undefined)]);
    end.abort();
  }

  /** A copy was stopped, or goes on after all. Once for each {@link drain}. */
  resume(copyId: string): void {
    const left = (this.#leaving.get(copyId) ?? 1) - 1;
    if (left > 0) this.#leaving.set(copyId, left);
    else this.#leaving.delete(copyId);
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
    const ports = this.#portsOf(container);
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
    if (before.engineId !== container.engineId) this.#show(before, undefined);
    this.#showNow(published);
  }

  #portsOf(container: Container): readonly NodePort[] {
    const at = publishAtOf(container.labels, this.#at);
    if (at === 'node' || container.isOfSwarm) return [];
    const ports = nodePortsOf(container);
    if (ports.length === 0) return ports;
    // At the endpoint the engine of this host opens them itself.
    if (this.#deps.isOwnHost(container.node)) return at === 'endpoint' ? [] : ports;
    // Another engine has no port here, whatever it says: nothing leads from a port of this machine to one of this machine.
    return ports.filter(({ host }) => !this.#deps.isOwnHost({ address: host }));
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
    this.#show(published.copy, undefined);
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
    if (problem === undefined) return;
    const { name, id, node } = claim.copy;
    this.#deps.logger.warn({ container: name, node: node.name, reason: problem }, 'a port is not where it is to be');
    const text = `${name}: port ${problem}`;
    this.#deps.tell({ event: 'port-unavailable', text, node: node.name, container: { id, name }, why: problem });
  }

  #showNow({ copy, claims }: Published): void {
    const all = [...claims.values()];
    const open = all.flatMap(({ at, shared }) =>
      shared?.port === undefined ? [] : [[at.listedKey, { ip: this.#address.shown, port: shared.port }] as const],
    );
    const problems = all.flatMap(({ problem, problemElsewhere }) => [problem ?? [], problemElsewhere ?? []].flat());
    const problem = problems.length === 0 ? undefined : problems.join(', ');
    this.#show(copy, { open: new Map(open), problem });
  }

  #show({ node, engineId }: Container, ports: ReturnType<Node['endpointPorts']>): void {
    const shown = node.endpointPorts(engineId);
    if (textOf(shown) !== textOf(ports)) this.#deps.cluster.setEndpointPorts(node, engineId, ports);
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

function textOf(ports: ReturnType<Node['endpointPorts']>): string {
  if (!ports) return '';
  return JSON.stringify([[...ports.open], ports.problem ?? null]);
}

/** A container that comes to this host, or leaves it, has other claims. */
function claimKey(key: string, isHere: boolean): string {
  return isHere ? `here ${key}` : key;
}
