import { setTimeout as sleep } from 'node:timers/promises';
import { reasonOf } from '../../common/errors.ts';
import type { Logger } from '../../common/logger.ts';
import { type WebFetch, webFetch } from '../../common/web.ts';
import type { EngineClient } from '../../engine/client.ts';
import { askMetadata, type Reclaim, type ReclaimSource } from './source.ts';

export interface ReclaimWatchDeps {
  readonly engine: EngineClient;
  /** Asked one after the other. */
  readonly managers: readonly EngineClient[];
  readonly logger: Logger;
  readonly fetch?: WebFetch;
}

/** Where every provider has its metadata service, on each machine for that machine alone. */
export const METADATA_URL = 'http://169.254.169.254';

/** Between two attempts to tell a manager, in milliseconds: notices are short. */
const AGAIN_MS = 500;
const CALL_MS = 3_000;

/**
 * Follows the provider's notices that it takes this machine back, and tells a manager of each one once: it drains the node. A machine that
 * was not taken after all, or was hibernated and woke up, may get another one. Never rejects.
 */
export async function watchReclaim(
  deps: ReclaimWatchDeps,
  source: ReclaimSource,
  base: string,
  signal: AbortSignal,
): Promise<void> {
  const { logger, fetch = webFetch({}) } = deps;
  const ask = askMetadata(base, fetch, signal);
  let wasWell = true;
  let told: Reclaim | undefined;
  while (!signal.aborted) {
    try {
      const notice = await source.look(ask);
      wasWell = true;
      if (notice && !isSame(notice, told)) await tell(deps, notice, signal);
      told = notice;
    } catch (error) {
      if (wasWell && !signal.aborted)
        logger.warn({ reason: reasonOf(error) }, "the provider's metadata service cannot be asked; trying on");
      wasWell = false;
    }
    await sleep(source.everyMs, undefined, { signal }).catch(() => undefined);
  }
}

function isSame({ action, atMs }: Reclaim, other: Reclaim | undefined): boolean {
  return other !== undefined && other.action === action && other.atMs === atMs;
}

/** Until one manager has taken it. */
async function tell(
  { engine, managers, logger }: ReclaimWatchDeps,
  notice: Reclaim,
  signal: AbortSignal,
): Promise<void> {
  logger.warn({ action: notice.action }, 'the provider takes this machine back: the node is to be drained');
  const body = JSON.stringify({
    action: notice.action,
    ...(notice.atMs !== undefined && { at: new Date(notice.atMs).toISOString() }),
  });
  for (let attempt = 0; !signal.aborted; attempt++) {
    const manager = managers[attempt % managers.length];
    if (!manager) return;
    try {
      const { ID } = await engine.json<{ readonly ID: string }>({ method: 'GET', path: '/info', timeoutMs: CALL_MS });
      const path = `/enxame/v1/agents/${encodeURIComponent(ID)}/reclaim`;
      await manager.json({ method: 'POST', path, isUnversioned: true, timeoutMs: CALL_MS, body });
      logger.info('a manager drains this node');
      return;
    } catch (error) {
      logger.warn({ reason: reasonOf(error) }, 'a manager was not told that this machine is taken back; trying again');
      await sleep(AGAIN_MS, undefined, { signal }).catch(() => undefined);
    }
  }
}
