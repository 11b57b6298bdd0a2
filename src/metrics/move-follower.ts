import type { Cluster } from '../cluster/cluster.ts';
import type { Clock } from '../common/clock.ts';
import type { DesiredState } from '../desired/desired-state.ts';
import type { ContainerRecord, OpenMove } from '../desired/record.ts';

export interface MoveFollowerDeps {
  readonly cluster: Pick<Cluster, 'subscribe'>;
  readonly desired: Pick<DesiredState, 'all' | 'subscribe'>;
  readonly clock: Clock;
  /** Observes how long a container of a lost node was away, in seconds. */
  readonly onGap: (seconds: number) => void;
}

/** How a container moves, and what became of it. */
type MoveKey = readonly [how: OpenMove['how'], result: 'moved' | 'undone'];

/** Counts moves by the records of containers, which say when one begins and ends. */
export class MoveFollower {
  /** Moves under way. */
  running = 0;
  readonly #ended = new Map<string, number>();
  /** When nodes were lost that are not back, by their IDs; on the clock that nobody sets. */
  readonly #lostAt = new Map<string, number>();
  readonly #deps: MoveFollowerDeps;
  readonly #endings: readonly (() => void)[];

  constructor(deps: MoveFollowerDeps) {
    const { cluster, desired, clock } = deps;
    this.#deps = deps;
    for (const { move } of desired.all()) if (move) this.running += 1;
    this.#endings = [
      desired.subscribe(({ before, after }) => {
        this.running += Number(after?.move !== undefined) - Number(before?.move !== undefined);
        if (before?.move && before.move.to.attempt !== after?.move?.to.attempt) this.#end(before, before.move, after);
      }),
      cluster.subscribe((event) => {
        if (event.kind === 'node-removed') this.#lostAt.delete(event.node.id);
        if (event.kind !== 'node-state') return;
        if (event.node.isHealthy) this.#lostAt.delete(event.node.id);
        else if (event.from === 'Healthy') this.#lostAt.set(event.node.id, clock.elapsed());
      }),
    ];
  }

  /** How many moves ended, by how they went. */
  *ended(): Iterable<readonly [...MoveKey, count: number]> {
    for (const how of HOWS) for (const result of RESULTS) yield [how, result, this.#ended.get(`${how} ${result}`) ?? 0];
  }

  /** Idempotent. */
  close(): void {
    for (const end of this.#endings) end();
  }

  #end({ current }: ContainerRecord, { how, to }: OpenMove, after: ContainerRecord | undefined): void {
    const isMoved = after?.current.attempt === to.attempt;
    const key = `${how} ${isMoved ? 'moved' : 'undone'}`;
    this.#ended.set(key, (this.#ended.get(key) ?? 0) + 1);
    const lostAt = this.#lostAt.get(current.nodeId);
    if (isMoved && how === 'replace' && lostAt !== undefined)
      this.#deps.onGap((this.#deps.clock.elapsed() - lostAt) / 1_000);
  }
}

const HOWS = ['start-first', 'stop-first', 'replace'] as const;
const RESULTS = ['moved', 'undone'] as const;
