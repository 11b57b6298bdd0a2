import type { Floor } from '../floor/floors.ts';
import type { RelayCommand } from '../floor/relay.ts';
import { LoadClient } from '../load/client.ts';
import { plainRequest } from '../load/requests.ts';
import type { Operation } from '../load/run.ts';
import { targetOf } from '../load/target.ts';
import { type Measured, measure } from '../measure/measure.ts';
import { ProcessMeter } from '../measure/process-meter.ts';
import { BenchChild } from '../process/child.ts';
import type { Row } from '../report/result.ts';
import type { Session } from '../session.ts';
import type { Findings } from './part.ts';
import { createStreamSource, removeStreamSource, streamOperations } from './stream-operations.ts';

const RUNS = 3;
/** One stream may take this long. */
const SECONDS = 120;
/** Streams that each lead one way only, and what they stand for here. */
const STREAMS: Readonly<Record<string, string>> = {
  'archive out': 'from a container',
  'archive in': 'to a container',
};

/** What the relay of a published port costs: long streams, and a connection for each request, beside raw pipes. */
export async function publishPart(session: Session): Promise<Findings> {
  const engine = await session.floors.engine();
  await using child = new BenchChild<RelayCommand>(new URL('../floor/relay.js', import.meta.url));
  const port = await child.call<number>({ kind: 'listen', upstream: engine.fleet.addresses[0] ?? '' });
  const relay: Floor = { target: targetOf(`127.0.0.1:${port}`), meter: new ProcessMeter([child.pid]) };
  const pipe = await measureAll(session, await session.floors.pipe());
  const reuse = await measureAll(session, await session.floors.pipe(true));
  const own = await measureAll(session, relay);
  const rows = own.map(([operation, measured], i): Row => {
    const floors = { pipe: pipe[i]?.[1], 'pipe-reuse': reuse[i]?.[1] } as Row['floors'];
    return { operation, clients: 1, manager: measured, floors };
  });
  return { rows };
}

async function measureAll(
  { options }: Session,
  { target, meter }: Floor,
): Promise<readonly (readonly [string, Measured])[]> {
  const bytes = options.mebibytes * 2 ** 20;
  const id = await createStreamSource(target, bytes);
  const measured: (readonly [string, Measured])[] = [];
  for (const operation of streamOperations(target, id, bytes).filter(({ name }) => name in STREAMS)) {
    const plan = { target, clients: 1, seconds: SECONDS, maxOps: RUNS };
    measured.push([`${options.mebibytes} MiB ${STREAMS[operation.name]}`, await measure(operation, plan, meter)]);
  }
  const request: Operation = {
    name: 'a connection and a request',
    run: async () => {
      const client = new LoadClient(target);
      const { bytes: received } = await client.request(plainRequest('GET', '/_ping'));
      client.close();
      return received;
    },
  };
  measured.push([request.name, await measure(request, { target, clients: 1, seconds: options.seconds }, meter)]);
  await removeStreamSource(target, id);
  return measured;
}
