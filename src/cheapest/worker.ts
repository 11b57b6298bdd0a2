import { parentPort, workerData } from 'node:worker_threads';
import { ClusterError } from '../common/errors.ts';
import type { WorkerAnswer } from './in-worker.ts';
import { planCheapest } from './plan-cheapest.ts';
import type { Snapshot } from './snapshot.ts';

parentPort?.postMessage(answer(workerData as Snapshot));

function answer(snapshot: Snapshot): WorkerAnswer {
  try {
    return { plan: planCheapest(snapshot) };
  } catch (error) {
    if (!(error instanceof ClusterError)) throw error;
    const { message, code, status } = error;
    return { refusal: { message, code, status } };
  }
}
