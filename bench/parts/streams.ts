import type { Floor, FloorName } from '../floor/floors.ts';
import { type Measured, measure } from '../measure/measure.ts';
import type { ProcessMeter } from '../measure/process-meter.ts';
import type { Row } from '../report/result.ts';
import type { Session } from '../session.ts';
import { type Findings, megabytes } from './part.ts';
import { untilAtRest } from './rest.ts';
import { createStreamSource, removeStreamSource, streamOperations } from './stream-operations.ts';

const RUNS = 3;
/** One stream may take this long; the slowest machine needs a few seconds for a gigabyte. */
const SECONDS = 120;
const MEMORY_SAMPLE_MS = 50;

/** Long streams in each direction; one operation is one whole stream. */
export async function streamsPart(session: Session): Promise<Findings> {
  const bytes = session.options.mebibytes * 2 ** 20;
  const manager = await session.startManager();
  if (manager !== undefined) await untilAtRest(session, manager.meter);
  const sampler = manager && new MemorySampler(manager.meter);
  const own = manager && (await measureStreams(manager, bytes));
  sampler?.stop();
  const floors: Partial<Record<FloorName, ReadonlyMap<string, Measured>>> = {
    pipe: await measureStreams(await session.floors.pipe(), bytes),
    'pipe-reuse': await measureStreams(await session.floors.pipe(true), bytes),
    engine: await measureStreams(await session.floors.engine(), bytes),
  };
  const names = [...(floors.engine?.keys() ?? [])];
  const rows = names.map((name): Row => {
    const beside = Object.entries(floors).map(([floor, all]) => [floor, all.get(name)]);
    const measured = own?.get(name);
    const operation = `${session.options.mebibytes} MiB ${name}`;
    const row = { operation, clients: 1, floors: Object.fromEntries(beside) as Row['floors'] };
    return measured === undefined ? row : { ...row, manager: measured };
  });
  const growth = { name: 'memory growth while streaming', value: megabytes(sampler?.growth ?? 0), unit: 'MB' };
  return { rows, facts: sampler === undefined ? [] : [growth] };
}

async function measureStreams({ target, meter }: Floor, bytes: number): Promise<ReadonlyMap<string, Measured>> {
  const id = await createStreamSource(target, bytes);
  const measured = new Map<string, Measured>();
  for (const operation of streamOperations(target, id, bytes)) {
    measured.set(
      operation.name,
      await measure(operation, { target, clients: 1, seconds: SECONDS, maxOps: RUNS }, meter),
    );
  }
  await removeStreamSource(target, id);
  return measured;
}

/** Watches how far the resident size rises above where it began. */
class MemorySampler {
  readonly #timer: NodeJS.Timeout;
  readonly #before: number;
  #highest: number;

  constructor(meter: ProcessMeter) {
    this.#before = meter.memory().resident;
    this.#highest = this.#before;
    this.#timer = setInterval(() => {
      this.#highest = Math.max(this.#highest, meter.memory().resident);
    }, MEMORY_SAMPLE_MS);
  }

  get growth(): number {
    return this.#highest - this.#before;
  }

  stop(): void {
    clearInterval(this.#timer);
  }
}
