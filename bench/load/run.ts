import { setTimeout as sleep } from 'node:timers/promises';
import { LoadClient } from './client.ts';
import type { Target } from './target.ts';

/** One thing clients do over and over; throws when the answer is not what it should be. Returns the bytes it received. */
export interface Operation {
  readonly name: string;
  /** @param serial counts the operations of one measurement, over all its clients */
  readonly run: (client: LoadClient, serial: number) => Promise<number>;
}

/** Bounds of one measurement: it ends when the time is over or the operations are done. */
export interface LoadPlan {
  readonly target: Target;
  readonly clients: number;
  readonly seconds: number;
  readonly maxOps?: number;
  /**
   * Operations begin at this rate, whether those before are done or not (as long as a client is free), and latency counts
   * from when each should have begun. Without it every client goes on at once.
   */
  readonly perSecond?: number;
}

/** What a measurement saw. */
export interface LoadResult {
  readonly operations: number;
  readonly errors: readonly string[];
  readonly elapsedMs: number;
  readonly latenciesMs: readonly number[];
  readonly bytes: number;
}

/** So many failures are enough to know that something is wrong. */
const MAX_ERRORS = 20;

/** A closed loop: every client sends its next operation when the one before is answered; with `perSecond` not before its time. */
export async function runLoad(operation: Operation, plan: LoadPlan, signal?: AbortSignal): Promise<LoadResult> {
  const latenciesMs: number[] = [];
  const errors: string[] = [];
  const maxOps = plan.maxOps ?? Infinity;
  const startedAt = performance.now();
  const deadline = startedAt + plan.seconds * 1000;
  let serial = 0;
  let bytes = 0;
  const loop = async (client: LoadClient): Promise<void> => {
    while (serial < maxOps && errors.length < MAX_ERRORS && signal?.aborted !== true) {
      const own = serial++;
      const begin = plan.perSecond === undefined ? performance.now() : startedAt + (own * 1000) / plan.perSecond;
      if (begin >= deadline) return;
      const waitMs = begin - performance.now();
      try {
        if (waitMs > 0) await sleep(waitMs);
        bytes += await operation.run(client, own);
        latenciesMs.push(performance.now() - begin);
      } catch (error) {
        errors.push(error instanceof Error ? error.message : String(error));
      }
    }
  };
  const clients = Array.from({ length: plan.clients }, () => new LoadClient(plan.target));
  await Promise.all(clients.map(loop));
  const elapsedMs = performance.now() - startedAt;
  for (const client of clients) client.close();
  return { operations: latenciesMs.length, errors, elapsedMs, latenciesMs, bytes };
}
