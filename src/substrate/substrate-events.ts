import type { EngineEvent } from '../engine/types.ts';
import { isClusterNetworkId } from './swarm-networks.ts';

/** Kinds of events that only swarm mode has. */
const SWARM_TYPES: ReadonlySet<string> = new Set(['node', 'service', 'secret', 'config']);
const INTERNAL_NETWORKS: ReadonlySet<string> = new Set(['ingress', 'docker_gwbridge']);
/** Networks told of are remembered up to this many; more only repeat an event. */
const MAX_TOLD = 10_000;

/**
 * Keeps the substrate out of one client's stream of events. Every substrate manager tells of a cluster network's creation
 * and removal, and every engine of setting it up and taking it down: clients hear of each once.
 */
export class SubstrateEvents {
  readonly #told = new Set<string>();

  /** Whether the client is to hear of an event; asked once for each, in order. */
  isShown({ Type, Action, Actor, scope }: EngineEvent): boolean {
    if (SWARM_TYPES.has(Type) && scope === 'swarm') return false;
    if (Type !== 'network') return true;
    if (INTERNAL_NETWORKS.has(Actor.Attributes?.name ?? '')) return false;
    if (!isClusterNetworkId(Actor.ID) || Action === 'connect' || Action === 'disconnect') return true;
    if (scope !== 'swarm' || Action === 'update') return false;
    return this.#isFirst(`${Action} ${Actor.ID}`);
  }

  #isFirst(key: string): boolean {
    if (this.#told.has(key)) return false;
    if (this.#told.size >= MAX_TOLD) this.#told.clear();
    this.#told.add(key);
    return true;
  }
}
