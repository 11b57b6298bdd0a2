import { setTimeout as sleep } from 'node:timers/promises';
import type { ProcessMeter } from '../measure/process-meter.ts';
import { paced } from '../options.ts';
import type { Session } from '../session.ts';

const SAMPLE_MS = 1000;
/** CPU milliseconds per second below which a manager is at rest; per node, because each costs something all the time. */
const REST_CPU_MS = 100;
const REST_CPU_MS_PER_NODE = 0.02;
const PATIENCE_MS = 120_000;

/** Waits until a manager has done what it does behind the scenes after its start, so that it is not counted elsewhere. */
export async function untilAtRest({ population, options }: Session, meter: ProcessMeter): Promise<void> {
  const restingMs = REST_CPU_MS + REST_CPU_MS_PER_NODE * population.nodes;
  const deadline = performance.now() + paced(options, PATIENCE_MS);
  for (let busy = true; busy && performance.now() < deadline; ) {
    const before = meter.cpuMs();
    await sleep(paced(options, SAMPLE_MS));
    busy = meter.cpuMs() - before > (restingMs * paced(options, SAMPLE_MS)) / 1000;
  }
}
