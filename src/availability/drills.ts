import type { Cluster } from '../cluster/cluster.ts';
import type { Node } from '../cluster/node.ts';
import type { Clock } from '../common/clock.ts';
import { formatDuration } from '../common/duration.ts';
import { ConflictError } from '../common/errors.ts';
import type { Logger } from '../common/logger.ts';
import type { Timer } from '../common/timer.ts';
import type { Membership } from '../monitor/membership.ts';
import type { BrakeForecast } from './brake-forecast.ts';
import type { PlannedNode } from './plan.ts';

/** Why a node in a drill is unhealthy. */
export const DRILL_REASON = 'drill: treated as lost';

/** A node in a drill. */
export interface DrilledNode extends PlannedNode {
  /** RFC 3339: when it returns by itself; null when it does not. */
  readonly until: string | null;
}

export interface DrillsDeps {
  readonly cluster: Cluster;
  readonly membership: Pick<Membership, 'suspend' | 'resume'>;
  /** What the brake would see if these nodes were lost now. */
  readonly forecast: (lost: ReadonlySet<string>) => BrakeForecast;
  readonly clock: Clock;
  readonly logger: Logger;
}

export interface DrillOptions {
  /** After how many milliseconds the nodes return by themselves; undefined: not. */
  readonly forMs?: number | undefined;
  /** Also when the brake would keep everything where it is. */
  readonly isForced?: boolean;
}

interface Drilled {
  readonly node: Node;
  readonly untilMs: number | undefined;
  readonly timer: Timer;
}

/**
 * Nodes that are treated as lost for practice: they are not heard, so what follows a loss follows, and they come back as lost nodes do.
 * Their engines and agents are told nothing. Kept in memory: all drills end with the manager.
 */
export class Drills {
  readonly #deps: DrillsDeps;
  readonly #drilled = new Map<Node, Drilled>();
  #unsubscribe: (() => void) | undefined;

  constructor(deps: DrillsDeps) {
    this.#deps = deps;
  }

  /** Idempotent; may follow {@link stop}. */
  start(): void {
    this.#unsubscribe ??= this.#deps.cluster.subscribe((event) => {
      if (event.kind === 'node-removed') this.#end(event.node);
    });
  }

  /** Ends all drills. Idempotent. */
  async stop(): Promise<void> {
    this.#unsubscribe?.();
    this.#unsubscribe = undefined;
    this.end([...this.#drilled.keys()]);
  }

  /**
   * Takes these nodes for lost, all at once. Throws 409, and nothing has happened, when one is lost or in a drill already, when no other
   * node would be left, and unless forced when the brake would hold and no witness could let it go.
   */
  begin(nodes: readonly Node[], { forMs, isForced = false }: DrillOptions): void {
    this.#assertReasonable(nodes, isForced);
    const { clock, membership, logger } = this.#deps;
    const untilMs = forMs === undefined ? undefined : clock.now() + forMs;
    for (const node of nodes) {
      const timer = clock.timer(() => this.#end(node));
      this.#drilled.set(node, { node, untilMs, timer });
      if (forMs !== undefined) timer.start(forMs);
      membership.suspend(node, DRILL_REASON);
    }
    const lasts = forMs === undefined ? "until 'enxame drill end'" : `for ${formatDuration(forMs)}`;
    logger.warn({ nodes: nodes.map(({ name }) => name) }, `a drill begins: these nodes are treated as lost ${lasts}`);
  }

  /** Lets nodes return now. Throws 409, and none has returned, when one is in no drill. */
  end(nodes: readonly Node[]): void {
    const other = nodes.find((node) => !this.#drilled.has(node));
    if (other) throw new ConflictError(`node ${other.name} is in no drill`, 'NOT_IN_DRILL');
    for (const node of nodes) this.#end(node);
  }

  get nodes(): readonly Node[] {
    return [...this.#drilled.keys()];
  }

  /** Throws 409 for a node in a drill: whoever speaks for it is not heard. */
  assertHeard(nodeId: string): void {
    for (const { id, name } of this.#drilled.keys())
      if (id === nodeId) throw new ConflictError(`node ${name} is not heard: ${DRILL_REASON}`, 'IN_DRILL');
  }

  view(): readonly DrilledNode[] {
    return [...this.#drilled.values()].map(({ node: { id, name }, untilMs }) => ({
      id,
      name,
      until: untilMs === undefined ? null : new Date(untilMs).toISOString(),
    }));
  }

  /** For `docker info`. */
  problems(): readonly string[] {
    const nodes = this.view().map(({ name, until }) => (until === null ? name : `${name} until ${until}`));
    if (nodes.length === 0) return [];
    return [`WARNING: a drill is on: treated as lost: ${nodes.join(', ')}. 'enxame drill end' ends it`];
  }

  #assertReasonable(nodes: readonly Node[], isForced: boolean): void {
    const { cluster, forecast } = this.#deps;
    for (const node of nodes) {
      if (this.#drilled.has(node)) throw new ConflictError(`node ${node.name} is in a drill already`, 'IN_DRILL');
      if (!node.isHealthy)
        throw new ConflictError(`node ${node.name} is lost already: ${node.reason}`, 'NODE_NOT_HEALTHY');
    }
    const lost = new Set(nodes);
    if (cluster.healthyNodes().every((node) => lost.has(node)))
      throw new ConflictError('a drill needs a node that is left: these are all that are healthy', 'DRILL_OF_ALL');
    const { holds, hasWitness, left, of } = forecast(new Set(nodes.map(({ id }) => id)));
    if (holds && !hasWitness && !isForced)
      throw new ConflictError(
        `the brake would hold and nothing would be moved: ${left} of ${of} nodes would answer. Give the manager a --witness, or --force the drill and practise 'enxame failover resume' too`,
        'DRILL_BRAKED',
      );
  }

  #end(node: Node): void {
    const drilled = this.#drilled.get(node);
    if (!drilled) return;
    this.#drilled.delete(node);
    drilled.timer.stop();
    this.#deps.logger.info({ node: node.name }, 'a drill ends: the node is reached again');
    this.#deps.membership.resume(node);
  }
}
