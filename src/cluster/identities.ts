/** What a container on an engine is to a record of what clients want. */
export interface KnownCopy {
  /** `current` is the container; `next` is being made to take its place; `stale` had its place once. Clients see the first one alone. */
  readonly role: 'current' | 'next' | 'stale';
  /** By which clients know the container; undefined until its create is answered. */
  readonly id: string | undefined;
  /** What engines called it before it was moved; clients may know it by these. */
  readonly formerIds: readonly string[];
  /** It was not made for the record's first placement: its making is no event for clients. */
  readonly isSuccessor: boolean;
  /** It is the container still, and is stopped because another one is about to take its place. */
  readonly isStoppedForMove: boolean;
}

/** Where a record has a copy, or had one. */
export interface CopyPlace {
  readonly nodeId: string;
  /** Undefined while it is not known by it. */
  readonly engineId: string | undefined;
}

/**
 * Who engines' containers are. Records alone say it: a label can be written by anybody who may create containers at an engine, and comes
 * along when one is made from another's inspection.
 */
export interface Identities {
  /**
   * What a container on a node is; undefined for one that no record names. @param attempt the value of its `io.enxame.attempt`, by
   * which a copy is known until a record has its ID. @param isNew whether it was never started, and is listed for the first time: it may be
   * what an interrupted create left, of which there is no record
   */
  of(nodeId: string, engineId: string, attempt: string | undefined, isNew?: boolean): KnownCopy | undefined;
  /** Whether a record has this name, though perhaps no node lists its container. */
  hasName(name: string): boolean;
}

/** No container has a record. */
export const NO_IDENTITIES: Identities = { of: () => undefined, hasName: () => false };
