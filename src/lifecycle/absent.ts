import type { Cluster } from '../cluster/cluster.ts';
import type { Container } from '../cluster/container.ts';
import { nodeUnhealthy } from '../cluster/reachable.ts';
import type { Clock } from '../common/clock.ts';
import { ConflictError } from '../common/errors.ts';
import type { Logger } from '../common/logger.ts';
import type { ContainerRecord } from '../desired/record.ts';
import type { EngineAnswer } from '../engine/exchange.ts';

import { type ContainerOperation, isStart, wantedBy } from './operations.ts';
import type { Recorder, Wish } from './recorder.ts';

/** Pause between two looks at a container that is to be started elsewhere, in milliseconds. */
const LOOK_MS = 200;
/** How long nobody may begin to move it, in milliseconds. */
const START_MS = 120_000;

/** What clients can do about a container whose node is away. */
const WAYS_OUT =
  'Until then it can be stopped, started if it may run elsewhere, or removed with force: that is noted, and done when the node is back.';

/** Throws a 503 that says what a client can do meanwhile when the container's node is away. */
export function requirePresent({ name, node, engineId }: Container): void {
  if (!node.isHealthy) throw nodeUnhealthy(node, `container ${name}`, node.waitingReason(engineId), WAYS_OUT);
}

export interface AbsentDeps {
  readonly cluster: Cluster;
  readonly recorder: Recorder;
  readonly clock: Clock;
  readonly logger: Logger;
}

/** What became of a start while its container's node was away. */
export type StartElsewhere =
  /** It runs on another node. */
  | 'runs'
  /** A node that has it answers: that is to be asked. */
  | 'ask';

/**
 * What clients wish of recorded containers whose nodes do not answer. A stop is noted, and owed to the client until the node is back. A start is
 * noted, and others make the container anew elsewhere where it may be. All else needs the engine.
 */
export class AbsentContainers {
  readonly #deps: AbsentDeps;

  constructor(deps: AbsentDeps) {
    this.#deps = deps;
  }

  /** Whether an operation on this container can be answered without its node. */
  takes(container: Container, operation: ContainerOperation): boolean {
    const record = this.#deps.recorder.recordOf(container);
    if (!record || record.id === undefined) return false;
    return wantedBy(operation) === 'stopped' || (isStart(operation) && !record.terms.isTransient);
  }

  /** Answers a stop or a kill as an engine would; durable when it resolves. */
  async stop(container: Container, operation: ContainerOperation): Promise<EngineAnswer> {
    const record = this.#deps.recorder.recordOf(container);
    if (record && isToRun(record)) return this.oweStop(container, operation);
    if (operation.kind !== 'kill') return { ...NO_CONTENT, statusCode: 304 };
    throw new ConflictError(`cannot kill container: ${container.name}: it is not running`, 'NOT_RUNNING');
  }

  /** Notes that an engine is to stop a container yet, whatever the record says of it. Throws 503 when nothing is recorded of it. */
  async oweStop(container: Container, operation: ContainerOperation): Promise<EngineAnswer> {
    const { recorder, clock, logger } = this.#deps;
    const { name, node } = container;
    const graceSeconds = graceOf(operation);
    const isOwed = await recorder.oweStop(container, {
      ...(graceSeconds !== undefined && { graceSeconds }),
      atMs: clock.now(),
    });
    if (!isOwed) throw nodeUnhealthy(node, `container ${name}`);
    const text = `node ${node.name} is down: container ${name} stays stopped, and is stopped there when the node is back`;
    logger.info({ container: name, node: node.name }, 'stopped while its node is down: done when the node is back');
    return { ...NO_CONTENT, rawHeaders: ['Enxame-Notice', text.replace(/[^\x20-\x7e]/g, '?')] };
  }

  /** Notes that a container is to run; durable when it resolves. */
  async start(container: Container): Promise<Wish> {
    const wish = this.#deps.recorder.wish(container, 'running');
    await wish.written;
    return wish;
  }

  /**
   * Waits until a container whose start is noted runs on another node, or its own is back. Rejects with 503 when it cannot run elsewhere, and then
   * the start is not wanted any more; when the client leaves, it stays so.
   */
  async untilElsewhere(
    { id, engineId, node, name }: Container,
    wish: Wish,
    signal: AbortSignal,
  ): Promise<StartElsewhere> {
    const { cluster, clock, recorder } = this.#deps;
    for (let idleMs = 0; ; ) {
      signal.throwIfAborted();
      const shown = cluster.container(id);
      if (shown.node.isHealthy) return shown.engineId === engineId ? 'ask' : 'runs';
      const why = node.waitingReason(engineId);
      if (why !== undefined || idleMs >= START_MS) {
        await wish.revert();
        throw nodeUnhealthy(node, `container ${name}`, why ?? 'stays: nobody moves it');
      }
      idleMs = recorder.recordOf(shown)?.move ? 0 : idleMs + LOOK_MS;
      await clock.sleep(LOOK_MS, signal);
    }
  }
}

const NO_CONTENT: EngineAnswer = { statusCode: 204, rawHeaders: [], body: Buffer.alloc(0) };

function isToRun({ wanted, ended }: ContainerRecord): boolean {
  return !ended && (wanted === 'running' || wanted === 'paused');
}

/** A kill waits for nothing; engines read -1 as "for ever". */
function graceOf({ kind, search }: ContainerOperation): number | undefined {
  if (kind === 'kill') return 0;
  const text = new URLSearchParams(search).get('t');
  return text !== null && /^-?\d{1,9}$/.test(text) ? Number(text) : undefined;
}
