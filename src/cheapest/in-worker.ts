import { Worker } from 'node:worker_threads';
import { ClusterError, reasonOf } from '../common/errors.ts';
import type { CheapestPlan } from './cheapest-plan.ts';
import { planCheapest } from './plan-cheapest.ts';
import type { Snapshot } from './snapshot.ts';

/** What a worker says at its end. */
export type WorkerAnswer =
  | { readonly plan: CheapestPlan }
  | { readonly refusal: { readonly message: string; readonly code: string; readonly status: number } };

/** How long one plan may take, in milliseconds, and what its worker may hold in memory, in MiB. */
const MOST_MS = 120_000;
const MOST_MIB = 2_048;

/** This file as TypeScript, which Node's threads cannot load: the plan is made in this thread, as tests do. */
const IS_SOURCE = import.meta.url.endsWith('.ts');

/**
 * Makes a plan in a thread of its own, so that calls are answered meanwhile. Rejects as {@link planCheapest} throws, with 503 when it takes too
 * long or too much memory, and with the signal's reason.
 */
export async function planInWorker(snapshot: Snapshot, signal: AbortSignal): Promise<CheapestPlan> {
  signal.throwIfAborted();
  if (IS_SOURCE) return planCheapest(structuredClone(snapshot));
  const worker = new Worker(new URL('./worker.js', import.meta.url), {
    workerData: snapshot,
    resourceLimits: { maxOldGenerationSizeMb: MOST_MIB },
  });
  const late = AbortSignal.timeout(MOST_MS);
  try {
    const answer = await answerOf(worker, AbortSignal.any([signal, late]));
    if ('plan' in answer) return answer.plan;
    const { message, code, status } = answer.refusal;
    throw new ClusterError(message, { code, status });
  } catch (error) {
    if (error instanceof ClusterError || signal.aborted) throw error;
    const why = late.aborted ? `it took longer than ${MOST_MS / 1_000} s` : reasonOf(error);
    throw new ClusterError(`no plan was made: ${why}`, { code: 'PLAN_TOO_LARGE', status: 503, cause: error });
  } finally {
    await worker.terminate();
  }
}

function answerOf(worker: Worker, signal: AbortSignal): Promise<WorkerAnswer> {
  return new Promise((resolve, reject) => {
    worker.once('message', resolve);
    worker.once('error', reject);
    worker.once('exit', (code) => reject(new Error(`its thread ended with ${code}`)));
    signal.addEventListener('abort', () => reject(signal.reason), { once: true });
  });
}
