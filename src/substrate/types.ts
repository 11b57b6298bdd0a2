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

/** Engine label that overrides the address under which the other engines reach this one. */
export const ADDRESS_LABEL = 'io.enxame.address';
/** Label of the swarm's specification that marks it as a substrate of ours; its value is one of the cluster's marks. */
export const MARK_LABEL = 'io.enxame.cluster';
/** Label of the swarm's specification: how often the swarm was rebuilt from one survivor. The highest is the true one. */
export const EPOCH_LABEL = 'io.enxame.epoch';

/** When the substrate is formed: with the first cluster network, in the background at once, or never. */
export type SubstrateMode = 'eager' | 'lazy' | 'off';

/** The engine's own view of its swarm mode, from `GET /info`. */
export type SwarmFacts =
  /** Not asked yet, or it did not answer. */
  | { readonly kind: 'unknown' }
  | { readonly kind: 'none' }
  | {
      readonly kind: 'member';
      readonly nodeId: string;
      /** `active`, `pending`, `error` or `locked`. */
      readonly state: string;
      readonly isManager: boolean;
      /** The swarm's ID; only a manager that sees a leader knows it. */
      readonly swarmId: string | undefined;
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
}

/** A swarm as one of its managers with a leader describes it. */
export interface ObservedSwarm {
  readonly swarmId: string;
  readonly epoch: number;
  /** The member that was asked. */
  readonly askedId: string;
  readonly nodes: readonly SwarmNode[];
}

/** One member in an observation. */
export interface ObservedMember {
  readonly id: string;
  readonly name: string;
  /** IP address the others reach it under; undefined when none could be found out. */
  readonly address: string | undefined;
  readonly isHealthy: boolean;
  /** Provider, region and zone, as far as labelled; managers are spread over them in this order. */
  readonly domain: readonly string[];
  readonly facts: SwarmFacts;
  /** Milliseconds since it was last healthy; 0 while it is. */
  readonly goneMs: number;
}

/** What was seen in one round. */
export interface Observation {
  readonly members: readonly ObservedMember[];
  /**
   * The swarms of ours that have a leader: those with our mark, and marked ones most of whose running nodes are members
   * (the cluster's ID changed). More than one after rivals were formed.
   */
  readonly swarms: readonly ObservedSwarm[];
  /** What is remembered of our substrate. */
  readonly known: KnownSubstrate;
  /** Milliseconds since our managers were first seen without a leader; 0 when they have one. */
  readonly leaderlessMs: number;
  /** By swarm node ID: milliseconds since no member answers to it. */
  readonly strayMs: ReadonlyMap<string, number>;
  /** By swarm node ID: milliseconds since it was made a manager without taking part in the quorum. */
  readonly promotedMs: ReadonlyMap<string, number>;
  /** Whether every member was asked at least once, or enough time passed to go on without the rest. */
  readonly isSettled: boolean;
}

/** Who this cluster is towards the marks that swarms carry. */
export interface ClusterIdentity {
  /** Lasting; a substrate that is formed is marked with it. */
  readonly id: string;
  /** Every mark that means this cluster: its ID, and what earlier versions marked its substrate with. */
  readonly marks: ReadonlySet<string>;
}

/** What is wanted. */
export interface SubstrateWish {
  /** Undefined when nothing durable says which cluster this is. */
  readonly identity: ClusterIdentity | undefined;
  /** Leave swarms of somebody else and join ours. */
  readonly adoptSwarm: boolean;
  readonly graces: Graces;
}

/** How long a state must last before it is acted upon, in milliseconds. */
export interface Graces {
  /** Without a leader, before a new quorum is made from one survivor. */
  readonly quorumMs: number;
  /** An unreachable manager, before another takes its place. */
  readonly managerMs: number;
  /** A promotion that has no effect, before the engine joins anew. */
  readonly promotionMs: number;
  /** A swarm node that is down and no member of the cluster any more, before it is removed. */
  readonly strayMs: number;
  /** The same for one that still runs: discovery may only have lost it for a moment. */
  readonly runningStrayMs: number;
}

/** One thing to do; all are idempotent, or refused by the engines when done already. */
export type Step =
  | { readonly kind: 'init'; readonly memberId: string }
  | { readonly kind: 'join'; readonly memberId: string; readonly role: 'manager' | 'worker' }
  | { readonly kind: 'leave'; readonly memberId: string; readonly why: string }
  | { readonly kind: 'set-role'; readonly nodeId: string; readonly name: string; readonly role: 'manager' | 'worker' }
  | { readonly kind: 'remove'; readonly nodeId: string; readonly name: string }
  | { readonly kind: 'force-new-cluster'; readonly memberId: string };

/** What to do, what is odd, and who serves. */
export interface Plan {
  readonly steps: readonly Step[];
  /** By member ID: why it takes no part. */
  readonly problems: ReadonlyMap<string, string>;
  /** The swarm that is ours; undefined when there is none with a leader. */
  readonly swarm: ObservedSwarm | undefined;
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

/** One swarm node that is or was ours. */
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
