import pLimit from 'p-limit';
import type { Clock } from '../common/clock.ts';
import { advertisedAddress, isNamed, type OwnAddress, ownAddressOnce } from './addresses.ts';
import { answeringHosts } from './answering.ts';
import { Gossip } from './gossip.ts';
import { domainOf } from './managers.ts';
import type { Setbacks } from './setbacks.ts';
import { areMostLost, outsideManagers, statesOf, straysOf, unreachableOf } from './sightings.ts';
import { Since } from './since.ts';
import { countNetworks, readFacts, readSwarmNodes } from './swarm-api.ts';
import type {
  ClusterIdentity,
  KnownSubstrate,
  MemberMesh,
  Observation,
  ObservedMember,
  ObservedSwarm,
  SubstrateMember,
  SwarmFacts,
} from './types.ts';

/** Engines asked at once. */
const CONCURRENCY = 16;
/** How long a round waits for an engine's answer, in milliseconds; the question goes on. */
const PATIENCE_MS = 5_000;
/** How long an engine may take: a manager without a leader passes a question on for 20 s. */
const ANSWER_MS = 25_000;
/** What is lost with a manager is missed a moment later, in milliseconds. */
const GATHER_MS = 1_500;
/** How long a new quorum may take when it is due, in milliseconds. */
const REVIVAL_MS = 20_000;
/** How long managers may take to elect a leader before that is told, in milliseconds: after the loss of theirs some 30 s pass. */
const ELECTION_MS = 45_000;
/** How long the first rounds wait for engines that have not answered yet, in milliseconds. */
const SETTLE_MS = 5_000;

/** What failed at members a while ago. */
export interface MemberSetbacks {
  readonly joins: Setbacks;
  readonly managers: Setbacks;
}

export interface ObserverOptions {
  readonly identity: ClusterIdentity;
  /** Labels that name failure domains, the widest first. */
  readonly spreadBy: readonly string[];
  /** How long no manager is asked after most of them were lost, in milliseconds. */
  readonly quietMs: number;
}

export interface ObserverDeps {
  readonly setbacks: MemberSetbacks;
  readonly clock: Clock;
  readonly mesh?: MemberMesh | undefined;
}

/**
 * Looks at the engines' swarm mode, asking as little as possible: every engine once and after changes, the substrate's
 * managers in every round. Remembers since when things are missing.
 *
 * A manager whose leader was lost does not answer at first: it passes questions on for 20 s each, and holds up all that changes its swarm mode,
 * a new quorum too, until they have ended, whether or not anybody still waits. So an engine is asked one thing at a time, and none is
 * asked for a while when most managers are lost: by then it has noticed, and answers at once.
 */
export class Observer {
  readonly #identity: ClusterIdentity;
  readonly #spreadBy: readonly string[];
  readonly #setbacks: MemberSetbacks;
  readonly #clock: Clock;
  readonly #mesh: MemberMesh | undefined;
  readonly #startedMs: number;
  readonly #facts = new Map<string, { facts: SwarmFacts; isDirty: boolean }>();
  readonly #addresses = new Map<string, string>();
  readonly #healthyMs = new Map<string, number>();
  /** Members that were healthy in the last round, by ID. */
  #up: ReadonlySet<string> = new Set();
  /** Questions under way, by member ID. */
  readonly #asking = new Map<string, Promise<void>>();
  readonly #quietMs: number;
  /** By member ID, as last seen: a manager without a leader does not tell its swarm's mark. */
  readonly #marks = new Map<string, { readonly nodeId: string; readonly mark: string | undefined }>();
  readonly #strays: Since;
  readonly #unreachable: Since;
  readonly #states: Since;
  readonly #lost: Since;
  readonly #out: Since;
  readonly #gossip: Gossip;

  constructor({ setbacks, clock, mesh }: ObserverDeps, { identity, spreadBy, quietMs }: ObserverOptions) {
    this.#identity = identity;
    this.#spreadBy = spreadBy;
    this.#quietMs = quietMs;
    this.#setbacks = setbacks;
    this.#clock = clock;
    this.#mesh = mesh;
    this.#startedMs = clock.elapsed();
    this.#strays = new Since(clock);
    this.#unreachable = new Since(clock);
    this.#states = new Since(clock);
    this.#lost = new Since(clock);
    this.#out = new Since(clock);
    this.#gossip = new Gossip(clock);
  }

  /** Asks a member in the next round: what is remembered of it may be wrong. */
  forget(memberId: string): void {
    const entry = this.#facts.get(memberId);
    if (entry) entry.isDirty = true;
    this.#asking.delete(memberId);
    this.#gossip.forget(memberId);
  }

  /** One round. Engines that do not answer keep what was known of them. */
  async observe(nodes: readonly SubstrateMember[], known: KnownSubstrate, signal: AbortSignal): Promise<Observation> {
    const limit = pLimit(CONCURRENCY);
    const ownAddress = ownAddressOnce();
    await this.#gather(nodes, known, signal);
    const areLost = areMostLost(nodes, known);
    const lostMs = this.#lost.update(areLost ? MOST : NOBODY).get(MANAGERS) ?? 0;
    const isQuiet = areLost && lostMs < this.#quietMs;
    await Promise.all(nodes.map((node) => limit(() => this.#look(node, ownAddress, isQuiet, signal))));
    const swarms = isQuiet ? [] : await this.#askManagers(nodes, signal);
    const members = this.#members(nodes, swarms);
    const states = this.#states.update(statesOf(swarms, members, known));
    const electingMs = states.get('electing');
    const isRevived = areLost && lostMs < this.#quietMs + REVIVAL_MS;
    return {
      members,
      swarms,
      known,
      leaderlessMs: states.get('leaderless') ?? 0,
      electingMs: electingMs ?? 0,
      orphanedMs: states.get('orphaned') ?? 0,
      strayMs: this.#strays.update(straysOf(swarms, members)),
      unreachableMs: this.#unreachable.update(unreachableOf(swarms)),
      silence: await this.#gossip.look(this.#takingPart(nodes, swarms), signal),
      answering: swarms.length > 0 ? NOBODY : await answeringHosts(outsideManagers(members, known), signal),
      restingJoins: this.#setbacks.joins.resting(),
      failedJoins: this.#setbacks.joins.failures(),
      restingManagers: new Set(this.#setbacks.managers.resting().keys()),
      isFresh: isRevived || (electingMs !== undefined && electingMs < ELECTION_MS),
      isSettled: nodes.every(({ id }) => this.#facts.has(id)) || this.#clock.elapsed() - this.#startedMs >= SETTLE_MS,
    };
  }

  /** When a manager was just lost, what goes with it is awaited before the others are asked. */
  async #gather(nodes: readonly SubstrateMember[], known: KnownSubstrate, signal: AbortSignal): Promise<void> {
    const managers = new Set(known.nodes.flatMap(({ isManager, memberId }) => (isManager ? memberId : [])));
    const isJustLost = nodes.some(({ id, isHealthy }) => !isHealthy && this.#up.has(id) && managers.has(id));
    if (isJustLost) await this.#clock.sleep(GATHER_MS, signal);
    this.#up = new Set(nodes.flatMap(({ id, isHealthy }) => (isHealthy ? id : [])));
  }

  async #look(node: SubstrateMember, ownAddress: OwnAddress, isQuiet: boolean, signal: AbortSignal): Promise<void> {
    const entry = this.#facts.get(node.id);
    const meshed = this.#mesh?.addressOf(node);
    // Nothing is begun under an address that would be another one a moment later.
    if (meshed === 'pending') this.#addresses.delete(node.id);
    else if (meshed !== undefined) this.#addresses.set(node.id, meshed);
    // A name costs a look-up: it is asked for again when something happened to the engine.
    else if (!isNamed(node) || !entry || entry.isDirty || !this.#addresses.has(node.id)) {
      const address = await advertisedAddress(node, ownAddress);
      if (address !== undefined) this.#addresses.set(node.id, address);
    }
    if (!node.isHealthy) {
      if (entry) entry.isDirty = true;
      return;
    }
    this.#healthyMs.set(node.id, this.#clock.elapsed());
    // A manager's view of its leader changes without any event.
    const isManager = entry?.facts.kind === 'member' && entry.facts.isManager;
    const isCurrent = entry && !entry.isDirty && !(entry.facts.kind === 'member' && mayChange(entry.facts));
    if (isCurrent || (isQuiet && isManager)) return;
    const question = this.#asking.get(node.id) ?? this.#ask(node, signal);
    const ended = new AbortController();
    const late = this.#clock.sleep(PATIENCE_MS, ended.signal).catch(() => undefined);
    await Promise.race([question, late]).finally(() => ended.abort(new Error('answered')));
    signal.throwIfAborted();
  }

  /** Resolves when the engine has answered or will not; until then what was known stays true. */
  #ask({ id, client }: SubstrateMember, signal: AbortSignal): Promise<void> {
    // One that was forgotten meanwhile is asked anew.
    const isAsked = (): boolean => this.#asking.get(id) === question;
    const question = readFacts(client, signal, ANSWER_MS)
      .then((facts) => {
        if (isAsked()) this.#facts.set(id, { facts: this.#marked(id, facts), isDirty: false });
      })
      // Its monitor finds out what is wrong with it.
      .catch(() => undefined)
      .finally(() => {
        if (isAsked()) this.#asking.delete(id);
      });
    this.#asking.set(id, question);
    return question;
  }

  #marked(memberId: string, facts: SwarmFacts): SwarmFacts {
    if (facts.kind !== 'member') return facts;
    const { nodeId, mark } = facts;
    if (facts.swarmId !== undefined) {
      this.#marks.set(memberId, { nodeId, mark });
      return facts;
    }
    const seen = this.#marks.get(memberId);
    return seen?.nodeId === nodeId ? { ...facts, mark: seen.mark } : facts;
  }

  /** Asks managers for their lists until each of ours is in one, so that rivals of the same swarm are seen too. */
  async #askManagers(nodes: readonly SubstrateMember[], signal: AbortSignal): Promise<readonly ObservedSwarm[]> {
    const swarms: ObservedSwarm[] = [];
    for (const node of nodes) {
      const facts = this.#facts.get(node.id)?.facts;
      if (!node.isHealthy || facts?.kind !== 'member' || facts.swarmId === undefined) continue;
      if (this.#asking.has(node.id)) continue;
      if (facts.mark === undefined || !this.#identity.marks.has(facts.mark)) continue;
      const isCovered = swarms.some(({ swarmId, nodes: listed }) =>
        listed.some((each) => swarmId === facts.swarmId && each.nodeId === facts.nodeId && each.reachability),
      );
      if (isCovered) continue;
      const listed = await readSwarmNodes(node.client, signal).catch(() => undefined);
      signal.throwIfAborted();
      if (listed) swarms.push({ swarmId: facts.swarmId, epoch: facts.epoch, askedId: node.id, nodes: listed });
    }
    this.#distrust(swarms);
    return swarms.length < 2 ? swarms : countedNetworks(swarms, nodes, signal);
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

  #members(nodes: readonly SubstrateMember[], swarms: readonly ObservedSwarm[]): ObservedMember[] {
    const outMs = this.#out.update(this.#outside(nodes, swarms));
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
        ...(this.#mesh?.addressOf(node) !== undefined && { isInMesh: true }),
        isHealthy: node.isHealthy,
        domain: domainOf(node.labels, this.#spreadBy),
        facts: this.#facts.get(node.id)?.facts ?? { kind: 'unknown' },
        goneMs: node.isHealthy ? 0 : this.#clock.elapsed() - (this.#healthyMs.get(node.id) ?? this.#startedMs),
        outMs: outMs.get(node.id) ?? 0,
      };
    });
  }

  /** Healthy members that are nodes of the one swarm, as far as its managers know. */
  #takingPart(nodes: readonly SubstrateMember[], [swarm, rival]: readonly ObservedSwarm[]): readonly SubstrateMember[] {
    if (!swarm || rival) return [];
    const ready = new Set(swarm.nodes.flatMap(({ nodeId, state }) => (state === 'ready' ? nodeId : [])));
    return nodes.filter(({ id, isHealthy }) => {
      const facts = this.#facts.get(id)?.facts;
      return isHealthy && facts?.kind === 'member' && ready.has(facts.nodeId);
    });
  }

  /** Healthy members that take no part in the swarm that they are in or join, by ID. */
  #outside(nodes: readonly SubstrateMember[], swarms: readonly ObservedSwarm[]): ReadonlySet<string> {
    const down = new Set(
      swarms.flatMap(({ nodes: listed }) => listed.flatMap(({ nodeId, state }) => (state === 'down' ? nodeId : []))),
    );
    const isOut = ({ id, isHealthy }: SubstrateMember): boolean => {
      const facts = this.#facts.get(id)?.facts;
      if (!isHealthy || facts?.kind !== 'member') return false;
      const isSilent = facts.swarmId !== undefined && swarms.length === 0;
      return facts.state !== 'active' || down.has(facts.nodeId) || isSilent;
    };
    return new Set(nodes.filter(isOut).map(({ id }) => id));
  }
}

const NOBODY: ReadonlySet<string> = new Set();
const MANAGERS = 'managers';
const MOST: ReadonlySet<string> = new Set([MANAGERS]);

/** Tells which of rivals may be given up without a loss. */
function countedNetworks(
  swarms: readonly ObservedSwarm[],
  nodes: readonly SubstrateMember[],
  signal: AbortSignal,
): Promise<readonly ObservedSwarm[]> {
  const counted = swarms.map(async (swarm): Promise<ObservedSwarm> => {
    const asked = nodes.find(({ id }) => id === swarm.askedId);
    return { ...swarm, networks: asked && (await countNetworks(asked.client, signal).catch(() => undefined)) };
  });
  return Promise.all(counted);
}

function mayChange({ isManager, state }: { readonly isManager: boolean; readonly state: string }): boolean {
  return isManager || state !== 'active';
}
