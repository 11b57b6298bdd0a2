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

/** A closed loop: every client sends its next operation when the one before is answered. */
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
      const begin = performance.now();
      if (begin >= deadline) return;
      try {
        bytes += await operation.run(client, serial++);
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
