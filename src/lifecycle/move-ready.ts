import type { Node } from '../cluster/node.ts';
import type { Clock } from '../common/clock.ts';
import { EngineError } from '../common/errors.ts';

/** Between two looks at a container that was started, in milliseconds. */
const LOOK_MS = 500;
/** A health check that takes longer than this to say something is not waited for, in milliseconds. */
const HEALTH_LIMIT_MS = 600_000;
const CALL_MS = 20_000;

/** A container as its engine knows it. */
export interface EngineContainer {
  readonly node: Node;
  readonly engineId: string;
}

/** What an engine says of a container's state. */
export interface EngineStatus {
  readonly Status?: string;
  readonly Running?: boolean;
  readonly Paused?: boolean;
  readonly Restarting?: boolean;
  readonly ExitCode?: number;
  readonly Error?: string;
  readonly Health?: { readonly Status?: string } | null;
}

export interface ReadyOptions {
  readonly clock: Clock;
  /** Without a health check: how long it must run without having ended, in milliseconds. */
  readonly settleMs: number;
  readonly signal: AbortSignal;
}

/**
 * Resolves when a container that was just started is healthy, or has run for a while where it has no health check. Rejects when it
 * ended, became unhealthy, or its engine does not answer.
 */
export async function untilReady(container: EngineContainer, { clock, settleMs, signal }: ReadyOptions): Promise<void> {
  const startedMs = clock.elapsed();
  for (;;) {
    const { State, RestartCount = 0 } = await inspect(container, signal);
    const { Running, Restarting, ExitCode = 0, Health } = State;
    if (!Running || Restarting || RestartCount > 0)
      throw new EngineError(`it ended with exit code ${ExitCode} soon after its start`, 'MOVE_NOT_READY');
    const health = Health?.Status ?? 'none';
    if (health === 'healthy') return;
    if (health === 'unhealthy') throw new EngineError('its health check fails', 'MOVE_NOT_READY');
    const waitedMs = clock.elapsed() - startedMs;
    if (health === 'none' && waitedMs >= settleMs) return;
    if (waitedMs >= HEALTH_LIMIT_MS)
      throw new EngineError('its health check has not passed in 10 minutes', 'MOVE_NOT_READY');
    await clock.sleep(LOOK_MS, signal);
  }
}

/** What the engine says of it now. Rejects with 404 when it is gone. */
export async function statusOf(container: EngineContainer, signal?: AbortSignal): Promise<EngineStatus> {
  return (await inspect(container, signal)).State;
}

interface Inspected {
  readonly State: EngineStatus;
  readonly RestartCount?: number;
}

function inspect({ node, engineId }: EngineContainer, signal: AbortSignal | undefined): Promise<Inspected> {
  return node.client.json({ method: 'GET', path: `/containers/${engineId}/json`, signal, timeoutMs: CALL_MS });
}
