import type { Observation, ObservedMember, ObservedSwarm, SubstrateWish, SwarmFacts, SwarmNode } from './types.ts';

/** Where a member stands towards our substrate. `why` is told to the operator. */
export type Standing =
  /** Takes part; `entry` is its line in the managers' list. */
  | { readonly kind: 'ours'; readonly nodeId: string; readonly entry: SwarmNode }
  /** A manager of ours, while no manager sees a leader. */
  | { readonly kind: 'lost'; readonly nodeId: string }
  /** A worker of ours, while no manager answers. */
  | { readonly kind: 'orphan'; readonly nodeId: string }
  /** In no swarm: may join. */
  | { readonly kind: 'free' }
  /** Believes in a substrate of ours that does not know it (any more): leaves and joins again. */
  | { readonly kind: 'stale'; readonly why: string }
  /** `mark` when the swarm is another cluster's substrate: then it is not even adopted. */
  | { readonly kind: 'foreign'; readonly mark: string | undefined; readonly why: string }
  /** In a swarm of unknown ownership: left alone until it is known. */
  | { readonly kind: 'undetermined'; readonly why: string }
  /** Joining, or not heard of yet. */
  | { readonly kind: 'waiting' };

/** An observation with what it means for each member. */
export interface Situation {
  readonly observation: Observation;
  readonly wish: SubstrateWish;
  readonly swarm: ObservedSwarm | undefined;
  readonly standings: ReadonlyMap<string, Standing>;
}

type Membership = Extract<SwarmFacts, { kind: 'member' }>;

const NOT_OURS =
  'it runs containers but takes no part in cluster networks; take it out of that swarm, or start the manager with --adopt-swarm';

/**
 * The swarm that is ours among those with a leader: the latest epoch (the one clients saw last), else one that has
 * networks, else the remembered one, else the one with most nodes; the last tie is broken by ID so that every manager
 * decides alike.
 */
export function pickSwarm({ swarms, known }: Observation): ObservedSwarm | undefined {
  const isUsed = (swarm: ObservedSwarm): boolean => swarm.networks !== 0;
  const ready = (swarm: ObservedSwarm): number => swarm.nodes.filter(({ state }) => state === 'ready').length;
  const leader = (swarm: ObservedSwarm): string => swarm.nodes.find(({ isLeader }) => isLeader)?.nodeId ?? '';
  return [...swarms].sort(
    (a, b) =>
      b.epoch - a.epoch ||
      Number(isUsed(b)) - Number(isUsed(a)) ||
      Number(b.swarmId === known.swarmId) - Number(a.swarmId === known.swarmId) ||
      ready(b) - ready(a) ||
      compareText(a.swarmId, b.swarmId) ||
      compareText(leader(a), leader(b)),
  )[0];
}

/** Where every member stands, by member ID. */
export function standings(
  observation: Observation,
  wish: SubstrateWish,
  swarm: ObservedSwarm | undefined,
): ReadonlyMap<string, Standing> {
  const judge = new Judge(observation, wish, swarm);
  return new Map(observation.members.map((member) => [member.id, judge.standing(member)]));
}

class Judge {
  readonly #observation: Observation;
  readonly #wish: SubstrateWish;
  readonly #swarm: ObservedSwarm | undefined;
  readonly #entries: ReadonlyMap<string, SwarmNode>;
  /** By swarm node ID: whether it managed when a leader last told. */
  readonly #known: ReadonlyMap<string, boolean>;
  readonly #addresses: ReadonlySet<string>;

  constructor(observation: Observation, wish: SubstrateWish, swarm: ObservedSwarm | undefined) {
    this.#observation = observation;
    this.#wish = wish;
    this.#swarm = swarm;
    this.#entries = new Map(swarm?.nodes.map((node) => [node.nodeId, node]));
    this.#known = new Map(observation.known.nodes.map(({ nodeId, isManager }) => [nodeId, isManager]));
    this.#addresses = new Set(observation.members.flatMap(({ address }) => address ?? []));
  }

  standing(member: ObservedMember): Standing {
    const { facts } = member;
    if (facts.kind === 'none') return { kind: 'free' };
    if (facts.kind === 'unknown') return this.#unheard(member);
    if (facts.mark !== undefined && !this.#isOurs(facts)) return anotherCluster(facts.mark);
    if (facts.state === 'locked') return this.#locked(member);
    if (facts.nodeId === '') return this.#outside(member, facts);
    if (facts.isManager) return facts.swarmId === undefined ? this.#leaderless(facts) : this.#manager(facts);
    return this.#worker(member, facts);
  }

  /** Somebody locked the swarm, and unlocks it: until then it keeps its place. */
  #locked({ id }: ObservedMember): Standing {
    const nodeId = this.#observation.known.nodes.find(({ memberId }) => memberId === id)?.nodeId;
    const entry = this.#entries.get(nodeId ?? '');
    return entry ? { kind: 'ours', nodeId: entry.nodeId, entry } : foreign('its swarm is locked');
  }

  /**
   * It tells no node: it is joining, or failed to join or to start in the swarm that it was in. Engines go on with a join in the background
   * after 20 s, and stay in state `error` when that fails: a join of ours is begun anew.
   */
  #outside(member: ObservedMember, facts: Membership): Standing {
    const remembered = this.#observation.known.nodes.find(({ memberId }) => memberId === member.id);
    // Its disk may have the only copy of what the managers hold.
    if (!this.#swarm && remembered?.isManager)
      return undetermined('it managed the substrate, and does not start in it');
    const isLasting = facts.state === 'error' || this.#isStuck(member);
    if (this.#observation.failedJoins.has(member.id) || this.#knocksAtOurs(facts))
      return isLasting ? stale('it did not get into the substrate') : { kind: 'waiting' };
    if (!this.#isStuck(member)) return { kind: 'waiting' };
    if (!remembered) return foreign('it failed to join a swarm, or to start in the one that it was in');
    return this.#swarm
      ? stale('it does not get back into the substrate')
      : undetermined('it does not start in the substrate, which has no leader');
  }

  /** Whether it is joining through nodes of our swarm alone. */
  #knocksAtOurs({ managerAddresses }: Membership): boolean {
    const hosts = new Set(this.#swarm?.nodes.map(({ address }) => address));
    return managerAddresses.length > 0 && managerAddresses.every((address) => hosts.has(hostOf(address)));
  }

  #isStuck({ outMs }: ObservedMember): boolean {
    return outMs >= this.#wish.graces.joinMs;
  }

  /** After a restart of ours an engine that is down was never asked: its line in the list tells who it is. */
  #unheard(member: ObservedMember): Standing {
    const nodeId = this.#observation.known.nodes.find(({ memberId }) => memberId === member.id)?.nodeId;
    const entry =
      this.#entries.get(nodeId ?? '') ?? this.#swarm?.nodes.find(({ address }) => address === member.address);
    return entry ? { kind: 'ours', nodeId: entry.nodeId, entry } : { kind: 'waiting' };
  }

  #manager(facts: Membership): Standing {
    if (facts.mark === undefined) return foreign('it manages a swarm of its own');
    // It sees a leader, but its list was not to be had: nothing is certain in this round.
    if (!this.#swarm) return { kind: 'waiting' };
    const entry = this.#entries.get(facts.nodeId);
    if (!entry || facts.swarmId !== this.#swarm.swarmId) return this.#rival(facts);
    if (entry.reachability === undefined && this.#followsRival(facts.nodeId))
      return stale('it has an outdated state of the substrate');
    return { kind: 'ours', nodeId: facts.nodeId, entry };
  }

  /** In another swarm with our mark. One that was never used is given up; networks are not destroyed on a guess. */
  #rival({ swarmId, epoch }: Membership): Standing {
    const rival = this.#observation.swarms.find((swarm) => swarm.swarmId === swarmId);
    const isOlder = swarmId === this.#swarm?.swarmId || epoch < (this.#swarm?.epoch ?? 0);
    if (isOlder || rival?.networks === 0) return stale('it is in a second substrate, formed at the same time');
    return undetermined('it is in a second substrate of this cluster, which has networks of its own');
  }

  /** By the mark it has or had when it saw a leader. */
  #isOurs({ mark }: Membership): boolean {
    return mark !== undefined && this.#wish.identity.marks.has(mark);
  }

  #followsRival(nodeId: string): boolean {
    return this.#observation.swarms.some(
      (swarm) =>
        swarm !== this.#swarm && swarm.nodes.some((node) => node.nodeId === nodeId && node.reachability !== undefined),
    );
  }

  #leaderless(facts: Membership): Standing {
    const entry = this.#entries.get(facts.nodeId);
    if (entry) {
      return entry.state === 'down' && entry.reachability === undefined
        ? stale('it has an outdated state of the substrate')
        : { kind: 'ours', nodeId: facts.nodeId, entry };
    }
    if (!this.#known.has(facts.nodeId) && !this.#isOurs(facts))
      return undetermined('it manages a swarm of unknown origin that has no leader');
    if (this.#swarm) return stale('the substrate no longer lists it');
    // Let go of while it was down: it must not become the survivor of a quorum that it is no part of.
    if (this.#known.get(facts.nodeId) === false)
      return undetermined('it is no longer a manager of the substrate, which has no leader');
    return { kind: 'lost', nodeId: facts.nodeId };
  }

  #worker(member: ObservedMember, facts: Membership): Standing {
    const entry = this.#entries.get(facts.nodeId);
    if (entry) {
      return entry.state === 'down' && this.#isStuck(member) && !this.#knowsManagers(facts)
        ? stale('it knows none of the substrate’s managers any more')
        : { kind: 'ours', nodeId: facts.nodeId, entry };
    }
    if (this.#known.has(facts.nodeId)) {
      return this.#swarm ? stale('the substrate no longer lists it') : { kind: 'orphan', nodeId: facts.nodeId };
    }
    const managers = this.#managersOf(facts);
    if (managers === undefined) return foreign('it is a worker of a swarm of other machines');
    const stranger = managers.find((each) => each.facts.kind === 'member' && this.#isStrange(each.facts));
    if (stranger?.facts.kind === 'member')
      return stranger.facts.mark === undefined
        ? foreign('it is a worker of a swarm of other machines')
        : anotherCluster(stranger.facts.mark);
    // Its managers may only be without a leader for a moment: what they are in is not known to be gone.
    const isGone = this.#swarm && managers.every(({ facts: { kind }, id }) => kind === 'none' || this.#isListed(id));
    return isGone
      ? stale('the substrate no longer lists it')
      : undetermined('it is a worker of a swarm whose managers do not answer');
  }

  /** The members at the addresses of all managers it knows; undefined when one of them is no member. */
  #managersOf({ managerAddresses }: Membership): readonly ObservedMember[] | undefined {
    const hosts = managerAddresses.map(hostOf);
    if (hosts.length === 0 || !hosts.every((host) => this.#addresses.has(host))) return undefined;
    return this.#observation.members.filter(({ address }) => address !== undefined && hosts.includes(address));
  }

  /** Whether one of the managers that it looks for is there: else it looks for ever. */
  #knowsManagers({ managerAddresses }: Membership): boolean {
    const managers = this.#swarm?.nodes.filter(({ reachability }) => reachability === 'reachable') ?? [];
    const hosts = new Set(managers.flatMap((node) => [node.address, hostOf(node.managerAddress ?? '')]));
    return managerAddresses.some((address) => hosts.has(hostOf(address)));
  }

  /** Whether it manages a swarm that is known not to be ours. */
  #isStrange(facts: Membership): boolean {
    return !this.#isOurs(facts) && (facts.swarmId !== undefined || facts.mark !== undefined);
  }

  #isListed(memberId: string): boolean {
    const facts = this.#observation.members.find(({ id }) => id === memberId)?.facts;
    return facts?.kind === 'member' && this.#entries.has(facts.nodeId);
  }
}

/** Host of `10.0.0.1:2377` or `[fd00::1]:2377`. */
export function hostOf(address: string): string {
  return address.replace(/:\d+$/, '').replace(/^\[|\]$/g, '');
}

function foreign(what: string): Standing {
  return { kind: 'foreign', mark: undefined, why: `${what}: ${NOT_OURS}` };
}

function anotherCluster(mark: string): Standing {
  const why = `it belongs to cluster ${mark}, whose networks this manager leaves alone; to manage that cluster, start the manager with --cluster ${mark}`;
  return { kind: 'foreign', mark, why };
}

function stale(why: string): Standing {
  return { kind: 'stale', why };
}

function undetermined(what: string): Standing {
  return {
    kind: 'undetermined',
    why: `${what}: it is left alone; restore its managers, or take it out of that swarm`,
  };
}

function compareText(a: string, b: string): number {
  if (a === b) return 0;
  return a < b ? -1 : 1;
}
