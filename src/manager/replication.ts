import { randomUUID } from 'node:crypto';
import type { Clock } from '../common/clock.ts';
import { ConflictError } from '../common/errors.ts';
import type { Logger } from '../common/logger.ts';
import { type Entry, parseEntry } from '../discovery/entry.ts';
import { EngineClient } from '../engine/client.ts';
import type { Connector } from '../engine/connectors/connector.ts';
import type { Lease } from '../kv/lease.ts';
import { Election } from '../replication/election.ts';
import { PrimaryRoute } from '../replication/primary-route.ts';
import { Roster } from '../replication/roster.ts';
import { SharedState } from '../replication/shared-state.ts';
import type { ClusterState } from './cluster-state.ts';
import type { Duties } from './duties.ts';
import type { ClusterModel } from './model.ts';
import type { QuorumQuestion } from './quorum-question.ts';
import type { SharedStoreOptions } from './shared-cluster.ts';

/** How one of several managers takes part. */
export interface ReplicationOptions extends SharedStoreOptions {
  /** `host:port` where the other managers reach this one. */
  readonly advertise: string;
  /** See `ElectionOptions`. */
  readonly ttlMs: number;
}

/** Time to live of the primary’s lease without a flag, in milliseconds. */
export const DEFAULT_TTL_MS = 6_000;

export interface ReplicationDeps {
  /** With the store of the options. */
  readonly state: ClusterState;
  readonly model: ClusterModel;
  readonly duties: Duties;
  readonly quorum: Pick<QuorumQuestion, 'among'>;
  readonly connect: (entry: Entry) => Promise<Connector>;
  readonly clock: Clock;
  readonly logger: Logger;
}

/** This manager among the others. */
export interface Replication {
  readonly toPrimary: PrimaryRoute;
  /** `host:port` of the primary, as far as the store told last. */
  readonly primary: string | undefined;
  problems(): readonly string[];
  /** Stands for election. To be called once. */
  start(): void;
  /** Gives the role to another one. Idempotent. */
  close(): Promise<void>;
}

/** How long another manager may take to answer at an address, in milliseconds. */
const ANSWER_MS = 2_000;

/**
 * To be called before this manager listens. Throws one clear line when something answers at its address: two managers with one address would each
 * take the other for itself.
 */
export async function assertAddressIsFree(
  advertise: string,
  connect: (entry: Entry) => Promise<Connector>,
): Promise<void> {
  const connector = await connect(parseEntry(advertise));
  const client = new EngineClient(connector, { connectTimeoutMs: ANSWER_MS });
  try {
    const request = { method: 'HEAD', path: '/_ping', timeoutMs: ANSWER_MS } as const;
    const isTaken = await client.request(request).then(
      () => true,
      () => false,
    );
    if (isTaken)
      throw new ConflictError(
        `another server answers at ${advertise}: --advertise is the address of this manager alone. Stop the other one, or give this one its own`,
        'ADVERTISE_TAKEN',
      );
  } finally {
    await connector.close();
  }
}

/** Elections decide over the role of a manager; nothing is started. */
export function openReplication(deps: ReplicationDeps, { store, ...options }: ReplicationOptions): Replication {
  const { state, model, duties, quorum, connect, clock, logger } = deps;
  const shared = sharedStateOf(state);
  let held: Lease | undefined;
  const candidate = {
    take: async (lease: Lease): Promise<void> => {
      held = lease;
      await store.caughtUp(lease.lost);
      shared.lead(lease);
      model.leases.restart();
      await duties.become('primary');
    },
    lost: () => shared.lead(undefined),
    resign: () => duties.become('replica'),
  };
  const self = { advertise: options.advertise, id: randomUUID() };
  const election = new Election({ leases: store.leases, candidate, clock, logger }, { self, ttlMs: options.ttlMs });
  const toPrimary = new PrimaryRoute({
    election,
    // The role follows the lease a little later: one that was suspended has lost it, and answers calls from before first of all.
    isPrimary: () => duties.role === 'primary' && held?.lost.aborted === false,
    connect: (advertise) => connect(parseEntry(advertise)),
    clock,
  });
  const roster = new Roster({ records: state.store.records('managers'), self: options.advertise, clock, logger });
  quorum.among({
    isPrimary: () => toPrimary.isPrimary,
    addresses: () => roster.others(),
    connect: (advertise) => connect(parseEntry(advertise)),
  });
  return {
    toPrimary,
    get primary() {
      return election.primary?.advertise;
    },
    problems: () =>
      election.problem === undefined
        ? []
        : [
            `WARNING: ${options.name}, the store that managers share: ${election.problem}. Changes are refused meanwhile`,
          ],
    start: () => {
      roster.enter();
      election.start();
    },
    close: async () => {
      await election.close();
      await roster.close();
    },
  };
}

function sharedStateOf({ store }: ClusterState): SharedState {
  if (store instanceof SharedState) return store;
  throw new TypeError('several managers need a store that they share');
}
