import { type LoadPlan, type Operation, runLoad } from '../load/run.ts';
import { type Percentiles, percentilesOf } from './percentiles.ts';
import type { ProcessMeter } from './process-meter.ts';

/** One operation, measured at one number of clients against one target. */
export interface Measured extends Percentiles {
  readonly operations: number;
  readonly errors: number;
  readonly firstError?: string;
  readonly opsPerSecond: number;
  /** CPU time of the measured processes per operation. */
  readonly cpuMsPerOp: number;
  readonly bytesPerOp: number;
}

/** The warm-up lets the target compile its hot paths and fill its pools. */
const WARM_UP_SHARE = 0.25;

/** Warms up, then measures latency, throughput and the CPU time that `meter` accounts. */
export async function measure(operation: Operation, plan: LoadPlan, meter: ProcessMeter): Promise<Measured> {
  const warmUp = {
    ...plan,
    seconds: plan.seconds * WARM_UP_SHARE,
    ...(plan.maxOps === undefined ? {} : { maxOps: 1 }),
  };
  const warm = await runLoad(operation, warmUp);
  const before = meter.cpuMs();
  // Serials go on where the warm-up ended, so that names made from them stay unique.
  const offset = warm.operations + warm.errors.length;
  const shifted: Operation = { ...operation, run: (client, serial) => operation.run(client, serial + offset) };
  const result = await runLoad(shifted, plan);
  const cpuMs = meter.cpuMs() - before;
  const [firstError] = result.errors;
  const per = (total: number): number => (result.operations === 0 ? 0 : total / result.operations);
  return {
    ...percentilesOf(result.latenciesMs),
    operations: result.operations,
    errors: result.errors.length,
    ...(firstError === undefined ? {} : { firstError }),
    opsPerSecond: (result.operations / result.elapsedMs) * 1000,
    cpuMsPerOp: per(cpuMs),
    bytesPerOp: per(result.bytes),
  };
}
