import pLimit from 'p-limit';
import type { Clock } from '../common/clock.ts';
import { advertisedAddress } from './addresses.ts';
import { domainOf } from './managers.ts';
import { readFacts, readSwarmNodes } from './swarm-api.ts';
import type {
  ClusterIdentity,
  KnownSubstrate,
  Observation,
  ObservedMember,
  ObservedSwarm,
  SubstrateMember,
  SwarmFacts,
  SwarmNode,
} from './types.ts';

/** Engines asked at once. */
const CONCURRENCY = 16;
/** How long the first rounds wait for engines that have not answered yet, in milliseconds. */
const SETTLE_MS = 5_000;

/**
 * Looks at the engines' swarm mode, asking as little as possible: every engine once and after changes, the substrate's
 * managers in every round. Remembers since when things are missing.
 */
export class Observer {
  readonly #identity: ClusterIdentity | undefined;
  readonly #clock: Clock;
  readonly #startedMs: number;
  readonly #facts = new Map<string, { facts: SwarmFacts; isDirty: boolean }>();
  readonly #addresses = new Map<string, string>();
  readonly #healthyMs = new Map<string, number>();
  readonly #strays = new Since();
  readonly #promoted = new Since();
  #leaderlessSinceMs: number | undefined;

  constructor(identity: ClusterIdentity | undefined, clock: Clock) {
    this.#identity = identity;
    this.#clock = clock;
    this.#startedMs = clock.now();
  }

  /** What is remembered of a member may be wrong: ask it in the next round. */
  forget(memberId: string): void {
    const entry = this.#facts.get(memberId);
    if (entry) entry.isDirty = true;
  }

  /** One round. Engines that do not answer keep what was known of them. */
  async observe(nodes: readonly SubstrateMember[], known: KnownSubstrate, signal: AbortSignal): Promise<Observation> {
    const limit = pLimit(CONCURRENCY);
    await Promise.all(nodes.map((node) => limit(() => this.#ask(node, signal))));
    const swarms = await this.#askManagers(nodes, signal);
    const members = this.#members(nodes);
    return {
      members,
      swarms,
      known,
      leaderlessMs: this.#leaderless(swarms, members, known),
      strayMs: this.#strays.update(straysOf(swarms, members), this.#clock.now()),
      promotedMs: this.#promoted.update(promotedOf(swarms), this.#clock.now()),
      isSettled: nodes.every(({ id }) => this.#facts.has(id)) || this.#clock.now() - this.#startedMs >= SETTLE_MS,
    };
  }

  async #ask(node: SubstrateMember, signal: AbortSignal): Promise<void> {
    const address = await advertisedAddress(node);
    if (address !== undefined) this.#addresses.set(node.id, address);
    const entry = this.#facts.get(node.id);
    if (!node.isHealthy) {
      if (entry) entry.isDirty = true;
      return;
    }
    this.#healthyMs.set(node.id, this.#clock.now());
    // A manager's view of its leader changes without any event.
    const isCurrent = entry && !entry.isDirty && !(entry.facts.kind === 'member' && mayChange(entry.facts));
    if (isCurrent) return;
    try {
      this.#facts.set(node.id, { facts: await readFacts(node.client, signal), isDirty: false });
    } catch {
      // Its monitor finds out what is wrong with it; until then what was known stays true.
      signal.throwIfAborted();
    }
  }

  /** Asks managers for their lists until each marked manager is in one, so that rivals of the same swarm are seen too. */
  async #askManagers(nodes: readonly SubstrateMember[], signal: AbortSignal): Promise<ObservedSwarm[]> {
    const swarms: ObservedSwarm[] = [];
    for (const node of nodes) {
      const facts = this.#facts.get(node.id)?.facts;
      if (!node.isHealthy || facts?.kind !== 'member' || facts.swarmId === undefined || !facts.mark) continue;
      const isCovered = swarms.some(({ swarmId, nodes: listed }) =>
        listed.some((each) => swarmId === facts.swarmId && each.nodeId === facts.nodeId && each.reachability),
      );
      if (isCovered) continue;
      const listed = await readSwarmNodes(node.client, signal).catch(() => undefined);
      signal.throwIfAborted();
      const isOurs = this.#identity?.marks.has(facts.mark) || (listed && this.#isMostlyOurs(listed, nodes));
      if (!listed || !isOurs) continue;
      swarms.push({ swarmId: facts.swarmId, epoch: facts.epoch, askedId: node.id, nodes: listed });
    }
    this.#distrust(swarms);
    return swarms;
  }

  /** Whether most of a marked swarm's running nodes are members: then it is ours though the cluster's ID changed. */
  #isMostlyOurs(listed: readonly SwarmNode[], nodes: readonly SubstrateMember[]): boolean {
    const own = new Set(
      nodes.flatMap(({ id }) => {
        const facts = this.#facts.get(id)?.facts;
        return [this.#addresses.get(id) ?? '', facts?.kind === 'member' ? facts.nodeId : ''];
      }),
    );
    const running = listed.filter(({ state }) => state === 'ready');
    return running.filter(({ address, nodeId }) => own.has(address) || own.has(nodeId)).length * 2 > running.length;
  }

  /** Members whose own view does not fit the managers' list are asked again in the next round. */
  #distrust(swarms: readonly ObservedSwarm[]): void {
    const listed = new Map(swarms.flatMap(({ nodes }) => nodes).map((node) => [node.nodeId, node]));
    for (const entry of this.#facts.values()) {
      if (entry.facts.kind !== 'member' || swarms.length === 0) continue;
      const node = listed.get(entry.facts.nodeId);
      if (node?.state !== 'ready' || (node.role === 'manager') !== entry.facts.isManager) entry.isDirty = true;
    }
  }

  #members(nodes: readonly SubstrateMember[]): ObservedMember[] {
    const taken = new Set<string>();
    return nodes.map((node) => {
      const own = this.#addresses.get(node.id);
      // Two engines behind one address (tunnels, sockets) cannot find each other by it.
      const address = own !== undefined && taken.has(own) ? undefined : own;
      if (address !== undefined) taken.add(address);
      return {
        id: node.id,
        name: node.name,
        address,
        isHealthy: node.isHealthy,
        domain: domainOf(node.labels),
        facts: this.#facts.get(node.id)?.facts ?? { kind: 'unknown' },
        goneMs: node.isHealthy ? 0 : this.#clock.now() - (this.#healthyMs.get(node.id) ?? this.#startedMs),
      };
    });
  }

  #leaderless(swarms: readonly ObservedSwarm[], members: readonly ObservedMember[], known: KnownSubstrate): number {
    const isLeaderless =
      swarms.length === 0 &&
      members.some(
        ({ facts }) =>
          facts.kind === 'member' && facts.isManager && known.nodes.some(({ nodeId }) => nodeId === facts.nodeId),
      );
    this.#leaderlessSinceMs = isLeaderless ? (this.#leaderlessSinceMs ?? this.#clock.now()) : undefined;
    return this.#leaderlessSinceMs === undefined ? 0 : this.#clock.now() - this.#leaderlessSinceMs;
  }
}

/** Since when each of a set of things is in it. */
class Since {
  readonly #sinceMs = new Map<string, number>();

  /** Takes the present set; answers for how long each has been in it, in milliseconds. */
  update(present: ReadonlySet<string>, nowMs: number): ReadonlyMap<string, number> {
    for (const key of this.#sinceMs.keys()) if (!present.has(key)) this.#sinceMs.delete(key);
    for (const key of present) if (!this.#sinceMs.has(key)) this.#sinceMs.set(key, nowMs);
    return new Map([...this.#sinceMs].map(([key, sinceMs]) => [key, nowMs - sinceMs]));
  }
}

/** Swarm nodes that no member answers to. */
function straysOf(swarms: readonly ObservedSwarm[], members: readonly ObservedMember[]): ReadonlySet<string> {
  const present = new Set(members.flatMap(({ facts }) => (facts.kind === 'member' ? facts.nodeId : [])));
  return new Set(swarms.flatMap(({ nodes }) => nodes.flatMap(({ nodeId }) => (present.has(nodeId) ? [] : nodeId))));
}

/** Managers by their role that take no part in the quorum. */
function promotedOf(swarms: readonly ObservedSwarm[]): ReadonlySet<string> {
  return new Set(
    swarms.flatMap(({ nodes }) =>
      nodes.flatMap(({ nodeId, role, reachability }) => (role === 'manager' && !reachability ? nodeId : [])),
    ),
  );
}

function mayChange({ isManager, state }: { readonly isManager: boolean; readonly state: string }): boolean {
  return isManager || state !== 'active';
}
