import type { EngineClient } from '../engine/client.ts';

/** An engine as the substrate needs it; the cluster's nodes fit. */
export interface SubstrateMember {
  readonly id: string;
  readonly name: string;
  /** Where the other engines reach it, if the engine label {@link ADDRESS_LABEL} does not say otherwise. */
  readonly address: string;
  readonly isHealthy: boolean;
  readonly labels: ReadonlyMap<string, string>;
  readonly client: EngineClient;
}

/** Something that happened to a member; the cluster's events fit. */
export interface MemberEvent {
  readonly kind: string;
  readonly node: SubstrateMember;
  /** An engine's own message, when `kind` is `engine-event`. */
  readonly event?: { readonly Type: string; readonly Action: string };
}

/** The engines of the cluster; the cluster fits. */
export interface SubstrateMembers {
  readonly nodes: readonly SubstrateMember[];
  subscribe(listener: (event: MemberEvent) => void): () => void;
}

/** Addresses of members in an encrypted network of the cluster's own. */
export interface MemberMesh {
  /** `pending`: the member will have one; undefined: it is not in that network. */
  addressOf(member: SubstrateMember): string | 'pending' | undefined;
  /** Told when it may say something else. Returns what ends it. */
  subscribe(listener: () => void): () => void;
}

/** Engine label that overrides the address under which the other engines reach this one. */
export const ADDRESS_LABEL = 'io.enxame.address';
/** Label of the swarm's specification that marks it as a substrate of ours; its value is one of the cluster's marks. */
export const MARK_LABEL = 'io.enxame.cluster';
/** Label of the swarm's specification: how often the swarm was rebuilt from one survivor. The highest is the true one. */
export const EPOCH_LABEL = 'io.enxame.epoch';

/** When the substrate is formed: with the first cluster network, in the background at once, or never. */
export type SubstrateMode = 'eager' | 'lazy' | 'off';

/** The engine's own view of its swarm mode, from `GET /info`; `release` is the engine's major version, of Docker 28.5 that is 28. */
export type SwarmFacts =
  /** Not asked yet, or it did not answer. */
  | { readonly kind: 'unknown' }
  | { readonly kind: 'none'; readonly release?: number | undefined }
  | {
      readonly kind: 'member';
      readonly release?: number | undefined;
      readonly nodeId: string;
      /** `active`, `pending`, `error` or `locked`. */
      readonly state: string;
      readonly isManager: boolean;
      /** The swarm's ID; only a manager that sees a leader knows it. */
      readonly swarmId: string | undefined;
      /** As last seen on this swarm node: without a leader a manager does not tell it. */
      readonly mark: string | undefined;
      readonly epoch: number;
      /** `host:port` of the managers it knows. */
      readonly managerAddresses: readonly string[];
      readonly error: string;
    };

/** A node of the swarm as its managers list it. */
export interface SwarmNode {
  readonly nodeId: string;
  readonly hostname: string;
  readonly address: string;
  readonly role: 'manager' | 'worker';
  /** `ready`, `down`, `unknown`, `disconnected`. */
  readonly state: string;
  /** Undefined when it takes no part in the managers' quorum (a worker, or a manager that is being made or unmade). */
  readonly reachability: 'reachable' | 'unreachable' | 'unknown' | undefined;
  readonly isLeader: boolean;
  /** `host:port` under which other managers and joining engines reach it; undefined for workers. */
  readonly managerAddress: string | undefined;
  /** For optimistic writes. */
  readonly version: number;
  /** Its engine's. */
  readonly labels: ReadonlyMap<string, string>;
  /** Its engine's major version; undefined when the swarm does not tell. */
  readonly release?: number | undefined;
}

/** A swarm as one of its managers with a leader describes it. */
export interface ObservedSwarm {
  readonly swarmId: string;
  readonly epoch: number;
  /** The member that was asked. */
  readonly askedId: string;
  readonly nodes: readonly SwarmNode[];
  /** How many cluster networks it has; asked only while there are rivals. */
  readonly networks?: number | undefined;
}

/** One member in an observation. */
export interface ObservedMember {
  readonly id: string;
  readonly name: string;
  /** IP address the others reach it under; undefined when none could be found out. */
  readonly address: string | undefined;
  /** Whether that is, or will be, its address in the mesh. */
  readonly isInMesh?: boolean | undefined;
  readonly isHealthy: boolean;
  /** Its values of the labels that name failure domains, the widest first; empty where it has none. */
  readonly domain: readonly string[];
  readonly facts: SwarmFacts;
  /** Milliseconds since it was last healthy; 0 while it is. */
  readonly goneMs: number;
  /**
   * Milliseconds since it, though healthy, takes no part in the swarm that it is in or joins: it is joining, failed to, is not heard by
   * the managers, or manages without telling whom. 0 otherwise.
   */
  readonly outMs: number;
}

/** What was seen in one round. */
export interface Observation {
  readonly members: readonly ObservedMember[];
  /** The swarms with one of our marks that have a leader. More than one after rivals were formed. */
  readonly swarms: readonly ObservedSwarm[];
  /** What is remembered of our substrate. */
  readonly known: KnownSubstrate;
  /** Managers were lost a moment ago: a leader or a new quorum may be there in another one, and nobody is told yet. */
  readonly isFresh?: boolean | undefined;
  /** Milliseconds since our managers were first seen without a leader; 0 when they have one. */
  readonly leaderlessMs: number;
  /** Milliseconds since most of them are there and can elect one; 0 otherwise. */
  readonly electingMs: number;
  /** By swarm node ID: milliseconds since no member answers to it. */
  readonly strayMs: ReadonlyMap<string, number>;
  /** By swarm node ID: milliseconds since a manager by its role is not reachable as one. */
  readonly unreachableMs: ReadonlyMap<string, number>;
  /** Milliseconds since workers of ours were first seen without any manager among the members; 0 when there is one. */
  readonly orphanedMs: number;
  /**
   * Hosts of swarm managers that are no members and answer at the swarm's port; looked for only while no swarm of ours has
   * a leader.
   */
  readonly answering: ReadonlySet<string>;
  /** Who of those that take part does not hear the others. */
  readonly silence: GossipSilence;
  /** Why this manager may not make a new quorum now, in words; asked only when one is due. */
  readonly objection?: string | undefined;
  /** By member ID: joining failed a moment ago; not to be tried again yet. The value says how it failed. */
  readonly restingJoins: ReadonlyMap<string, string>;
  /** By member ID: how many times in a row joining failed. */
  readonly failedJoins: ReadonlyMap<string, number>;
  /** Members that failed as managers a while ago; not to be promoted again yet. */
  readonly restingManagers: ReadonlySet<string>;
  /** Whether every member was asked at least once, or enough time passed to go on without the rest. */
  readonly isSettled: boolean;
}

/** Between which engines names and packets of containers do not pass, though they are nodes of one swarm in good order. */
export interface GossipSilence {
  /** By member ID: milliseconds since it was first seen to hear none of the others. */
  readonly deafMs: ReadonlyMap<string, number>;
  /** Milliseconds since none was first seen to hear another; 0 while some do. */
  readonly allMs: number;
}

/** This cluster's identity towards the marks that swarms carry. */
export interface ClusterIdentity {
  /** Lasting; a substrate that is formed is marked with it. */
  readonly id: string;
  /** Every mark that means this cluster: its ID, and what earlier versions marked its substrate with. */
  readonly marks: ReadonlySet<string>;
}

/** What the substrate should become. */
export interface SubstrateWish {
  readonly identity: ClusterIdentity;
  /** Leave foreign swarms and join ours; never another cluster's substrate. */
  readonly adoptSwarm: boolean;
  /** Labels that name failure domains, the widest first. */
  readonly spreadBy: readonly string[];
  readonly graces: Graces;
}

/** How long a state must last before it is acted upon, in milliseconds. */
export interface Graces {
  /** Without a leader, before a new quorum is made from one survivor. */
  readonly quorumMs: number;
  /** The same while most managers answer: they can elect a leader by themselves. */
  readonly electionMs: number;
  /** An unreachable manager, before another takes its place. */
  readonly managerMs: number;
  /** A promotion that has no effect, or a manager that is not reachable while its engine is healthy, before it steps down. */
  readonly promotionMs: number;
  /** A swarm node that is down and left the cluster, before it is removed. */
  readonly strayMs: number;
  /** An engine that is stuck outside of its swarm ({@link ObservedMember.outMs}), before it leaves and joins again. */
  readonly joinMs: number;
  /** Workers whose managers all left the cluster and do not answer, before they form a new substrate. */
  readonly orphanMs: number;
  /** An engine that hears none of the others, before a worker becomes a manager for a moment to bring them together. */
  readonly bridgeMs: number;
  /** The same, before it counts as taking no part. */
  readonly deafMs: number;
}

/** One thing to do; all are idempotent, or refused by the engines when done already. */
export type Step =
  | { readonly kind: 'init'; readonly memberId: string }
  /** As worker: an engine that turns out unfit then costs the managers' quorum nothing. */
  | { readonly kind: 'join'; readonly memberId: string }
  | {
      readonly kind: 'leave';
      readonly memberId: string;
      readonly why: string;
      /** Of somebody else: its networks end with it. */
      readonly isForeign?: boolean;
    }
  | {
      readonly kind: 'set-role';
      readonly nodeId: string;
      readonly name: string;
      readonly role: 'manager' | 'worker';
      /** The member that failed as a manager, if that is why. */
      readonly failedId?: string;
      /** The member that is to manage for a moment only, so that its gossip joins the managers'. */
      readonly bridgeId?: string;
    }
  | { readonly kind: 'remove'; readonly nodeId: string; readonly name: string }
  | { readonly kind: 'force-new-cluster'; readonly memberId: string };

/** What to do, what is odd, and who serves. */
export interface Plan {
  readonly steps: readonly Step[];
  /** By member ID: why it takes no part. */
  readonly problems: ReadonlyMap<string, string>;
  /** What concerns the substrate as a whole and a person should know. */
  readonly notices: readonly string[];
  /** The swarm that is ours; undefined when there is none with a leader. */
  readonly swarm: ObservedSwarm | undefined;
  /** Without one of ours: the cluster whose substrate the engines are in, which is left alone. */
  readonly guestOf: string | undefined;
  /** Members that are active in it, by member ID, with their swarm node IDs. */
  readonly active: ReadonlyMap<string, string>;
  /** Something is under way that no step of ours speeds up (a join, a promotion, a grace time): look again soon. */
  readonly isPending: boolean;
}

/** What survives a restart of the manager, so that a substrate without quorum is still known as ours. */
export interface KnownSubstrate {
  readonly swarmId: string | undefined;
  readonly nodes: readonly KnownSwarmNode[];
}

/** One swarm node that is or was ours; its member may have left the cluster, or be another node by now. */
export interface KnownSwarmNode {
  readonly nodeId: string;
  readonly memberId: string;
  readonly isManager: boolean;
}

/** Where {@link KnownSubstrate} is kept. Without one, only a substrate that has a leader is recognised after a restart. */
export interface SubstrateMemory {
  load(): Promise<KnownSubstrate | undefined>;
  save(known: KnownSubstrate): Promise<void>;
}

/** One container's connection to a network of a swarm, as it is to be made again. */
export interface KeptEndpoint {
  /** The engine's ID. */
  readonly containerId: string;
  /** The name that engines know the network by. */
  readonly network: string;
  /** The swarm's ID of it. */
  readonly networkId: string;
  /** What engines tell and take; of a running container the address may be one that the swarm gave. */
  readonly config: {
    readonly Aliases?: readonly string[] | null | undefined;
    readonly IPAMConfig?: { readonly IPv4Address?: string } | null | undefined;
    readonly Links?: unknown;
    readonly DriverOpts?: unknown;
  };
}

/** What one manager sees of the cluster and its substrate. */
export interface SubstrateSight {
  /** How many of the nodes that were last known healthy answer it. */
  readonly answering: number;
  readonly nodes: number;
  /** Whether it sees a manager of the substrate that has a leader. */
  readonly hasLeader: boolean;
}

/** Where the connections of containers are kept whose engine leaves a swarm to join another or the same again. */
export interface EndpointMemory {
  /** By member ID. */
  load(): Promise<ReadonlyMap<string, readonly KeptEndpoint[]>>;
  /** Resolves when it is durable; nothing is kept for an empty list. */
  save(memberId: string, endpoints: readonly KeptEndpoint[]): Promise<void>;
}
