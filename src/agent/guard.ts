import { uptimeMs } from '../common/uptime.ts';
import type { EngineClient } from '../engine/client.ts';
import { endContainers } from './end-containers.ts';
import { type Lease, readLease } from './lease-file.ts';

/** Between two looks at the lease, in milliseconds. */
const LOOK_MS = 200;

export interface GuardOptions {
  /** The lease's file. */
  readonly path: string;
  /** Which life of the agent it guards. */
  readonly agent: string;
  /** Whether the agent may still write its first lease. */
  readonly mayBegin: () => boolean;
  readonly signal: AbortSignal;
}

/**
 * Ends strict containers when their lease is over, whatever became of the agent that renews it: it may be stopped, starved or dead. Resolves
 * when the lease was handed back or a later agent has one, or when the signal is aborted. A lease that cannot be read any more counts as
 * the last one that could.
 */
export async function guard(engine: EngineClient, { path, agent, mayBegin, signal }: GuardOptions): Promise<void> {
  let last: Lease | undefined;
  while (!signal.aborted) {
    const unread = last;
    const lease = await readLease(path).catch(() => unread);
    const isOwn = lease?.agent === agent;
    if (!isOwn && (last || !mayBegin())) return;
    if (isOwn) last = lease;
    // What fails is tried again in a moment.
    if (last && uptimeMs() >= last.untilMs) await endContainers(engine, last).catch(() => undefined);
    await new Promise((resolve) => setTimeout(resolve, LOOK_MS));
  }
}
