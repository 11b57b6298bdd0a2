import type { SpecSource } from './container-spec.ts';
import type { MoveTerms } from './move-terms.ts';

/** What clients last wanted of a container. `created`: nothing since its create. */
export type Wanted = 'created' | 'running' | 'paused' | 'stopped';

/** A container on an engine that is, was, or is about to be a record's. */
export interface Copy {
  /** The engine's ID. */
  readonly nodeId: string;
  /** The container's ID there; undefined while it may not exist yet. */
  readonly engineId?: string;
  /** Random; its `io.enxame.attempt` says it, by which it is recognised when its ID was not learnt. See `attempts.ts`. */
  readonly attempt: string;
  /** Counts the placements of a record: 0 where it was created, one more with each move. */
  readonly generation: number;
}

/** A volume that moves with its container. */
export interface MovingVolume {
  /** As the engine knows it. */
  readonly volume: string;
  /** When its engine made it, in the engine's words. */
  readonly createdAt: string;
  /** Where it is mounted when it has no name of its own; its copy gets another name. */
  readonly anonymousAt?: string;
  /** It is made anew with the same options; its content is elsewhere, or does not last. */
  readonly isAlike?: boolean;
}

/** Volumes that move with a container. */
export interface MovingVolumes {
  readonly volumes: readonly MovingVolume[];
  /** Containers that are made to reach the volumes, and never started. */
  readonly helpers: readonly Copy[];
  /** For how long sources are kept, in milliseconds. */
  readonly keepSourceMs: number;
  /** All have arrived, and were verified. */
  readonly isCopied?: boolean;
}

/** A move under way: durable before an engine is asked. */
export interface OpenMove {
  /** The copy that is being made. */
  readonly to: Copy;
  readonly how: 'start-first' | 'stop-first' | 'replace';
  /** In words, for events and people. */
  readonly why: string;
  /** Milliseconds since the epoch. */
  readonly sinceMs: number;
  /** Default: none. Of containers that move as one the first has it. */
  readonly carried?: MovingVolumes;
  /** Containers that move as one, because they share volumes: all of their records switch in one write, or none. Default: this one alone. */
  readonly together?: MovingTogether;
  /** It came to nothing: what was made is being removed, and is not to become the container any more. */
  readonly isUndone?: true;
}

/** Containers that move as one. */
export interface MovingTogether {
  /** The attempt of the first one's successor. */
  readonly id: string;
  /** Of their records, in the order in which they need each other. */
  readonly keys: readonly string[];
}

/** A word on strictness that a copy's label does not say, because its engine had made it before; its node's agent is told. */
export interface FenceWord {
  /** The copy's. */
  readonly engineId: string;
  readonly is: 'strict' | 'off';
}

/** How a container came to its node. */
export interface Arrival {
  /** The ID of the node it was on before. */
  readonly from: string;
  /** In words. */
  readonly why: string;
  /** When the move began, in milliseconds since the epoch. */
  readonly atMs: number;
}

/** How a container ended for good by itself, on an engine that stayed healthy. */
export interface Ending {
  readonly exitCode: number;
  /** Milliseconds since the epoch. */
  readonly atMs: number;
}

/** A stop that a client was promised while the container's node was away: done before the node counts as healthy. */
export interface OwedStop {
  /** How long it may take to end by itself, in seconds; its own grace period when undefined. */
  readonly graceSeconds?: number;
  /** When it was promised, in milliseconds since the epoch. */
  readonly atMs: number;
}

/** What clients asked for in one container and last wanted of it: the small part, which changes. The rest is its {@link RecordBody}. */
export interface ContainerRecord {
  /** Of the record's form, see {@link RECORD_FORMAT}. */
  readonly format: number;
  /** The record's own key: the first copy's attempt. */
  readonly key: string;
  /** The ID clients see: the first engine's ID of the container. Undefined until its create is answered. */
  readonly id?: string;
  /** Without slash. */
  readonly name: string;
  /** The copy that is the container. Without `engineId`, its create is under way, or was interrupted. */
  readonly current: Copy;
  /** Older copies that may exist still on nodes that could not be reached: they must not run. */
  readonly stale?: readonly Copy[];
  /** What engines called it before it was moved, the latest first; clients may know it by these. At most {@link MAX_FORMER_IDS}. */
  readonly formerIds?: readonly string[];
  readonly move?: OpenMove;
  /** Its last move; undefined where it was created. */
  readonly arrived?: Arrival;
  readonly wanted: Wanted;
  readonly ended?: Ending;
  /** When the node of `current` was found without the data it had, and so without the container; in milliseconds since the epoch. */
  readonly dataLostMs?: number;
  /** Of `current`; only while `stopped` is wanted. */
  readonly owedStop?: OwedStop;
  readonly terms: MoveTerms;
  /** Undefined while labels say all; one of a copy that is not `current` means nothing. */
  readonly fence?: FenceWord;
}

/** More moves than this, and the oldest IDs are forgotten, but for the one that clients see. */
export const MAX_FORMER_IDS = 16;

/** The form of records that this version writes. */
export const RECORD_FORMAT = 1;

/** A change that a client made after the create, as the engine was asked for it. */
export type Amendment =
  /** Body of `POST /containers/{id}/update`. */
  | { readonly kind: 'update'; readonly body: string }
  /** Body of `POST /networks/{network}/connect`, without its `Container`. */
  | { readonly kind: 'connect'; readonly network: string; readonly body: string }
  | { readonly kind: 'disconnect'; readonly network: string }
  /** `enxame fence`: its label `io.enxame.fence` from the next copy on. */
  | { readonly kind: 'fence'; readonly is: FenceWord['is'] };

/** What a container is made from anew: read from the store when it is needed. It holds environment values, so passwords. */
export interface RecordBody {
  readonly format: number;
  readonly source: SpecSource;
  /** What the image resolved to at the create: its ID on the engine, and its digests where it has some. */
  readonly image?: { readonly id: string; readonly digests: readonly string[] };
  /** When the create was asked for, in milliseconds since the epoch; unknown for bodies of earlier versions. */
  readonly createdMs?: number;
  /** In the order they were made. */
  readonly amendments: readonly Amendment[];
}
