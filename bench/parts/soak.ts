import { setTimeout as sleep } from 'node:timers/promises';
import { LoadClient } from '../load/client.ts';
import { EventSubscriber } from '../load/event-subscriber.ts';
import { plainRequest } from '../load/requests.ts';
import { type Operation, runLoad } from '../load/run.ts';
import { paced } from '../options.ts';
import type { Fact, Sample } from '../report/result.ts';
import type { RunningManager, Session } from '../session.ts';
import { createAndStart, removeCreated } from './create-operation.ts';
import { type Findings, megabytes } from './part.ts';
import { readOperations } from './read-operations.ts';
import { waitUntil } from './wait.ts';

const CHURN_PER_SECOND = 50;
const SUBSCRIBERS = 10;
const CLIENTS = 4;
/** A round of load, then a pause: a soak looks for leaks, not for limits. */
const ROUND_SECONDS = 2;
const PAUSE_MS = 3000;
const FAULT_NODES = 5;
/** Every so many rounds some nodes break for one round. */
const FAULT_EVERY = 10;
const CONVERGE_WITHIN_MS = 90_000;

/** Churn, load and faults for a long time: memory and descriptors must stay flat, and the end state be the engines'. */
export async function soakPart(session: Session): Promise<Findings> {
  const manager = await session.startManager();
  if (manager === undefined) return {};
  const samples: Sample[] = [];
  await session.fleet.churn(CHURN_PER_SECOND);
  const startedAt = performance.now();
  const endsAt = startedAt + paced(session.options, session.options.minutes * 60_000);
  const lister = new LoadClient(manager.target);
  for (let round = 0; performance.now() < endsAt; round++) {
    manager.process.assertRunning();
    await playRound(session, manager, round);
    // Else the model would grow with what a soak creates, and hide a leak.
    await removeCreated(manager.target, lister);
    samples.push(sampleOf(manager, startedAt));
  }
  await session.fleet.churn(0);
  await removeCreated(manager.target, lister);
  const convergedMs = await waitUntil(async () => (await differences(session, lister)) === 0, CONVERGE_WITHIN_MS, 1000);
  const left = convergedMs === undefined ? await differences(session, lister) : 0;
  lister.close();
  const { churnOperations } = await session.fleet.counters();
  return { samples, facts: [...flatness(samples), ...endFacts(left, convergedMs, churnOperations)] };
}

async function playRound(session: Session, manager: RunningManager, round: number): Promise<void> {
  const isFaulty = round % FAULT_EVERY === FAULT_EVERY - 1;
  const nodes = Array.from({ length: Math.min(FAULT_NODES, session.population.nodes - 1) }, (_, i) => i);
  if (isFaulty) await session.fleet.apply(nodes, { kind: round % 20 < 10 ? 'refuse' : 'hang' });
  const subscribers = await Promise.all(
    Array.from({ length: SUBSCRIBERS }, () => EventSubscriber.open(manager.target)),
  );
  // Errors are expected while nodes are broken and containers vanish; a leak shows in the samples.
  await runLoad(mixOf(session, round), {
    target: manager.target,
    clients: CLIENTS,
    seconds: paced(session.options, ROUND_SECONDS),
  });
  for (const subscriber of subscribers) subscriber.close();
  await sleep(paced(session.options, PAUSE_MS));
  if (isFaulty) await session.fleet.apply(nodes, { kind: 'none' });
}

function mixOf(session: Session, round: number): Operation {
  const reads = readOperations(session.population, { skipNodes: Math.min(FAULT_NODES, session.population.nodes - 1) });
  const create = createAndStart(`soak-${Date.now()}-${round}`);
  const CREATE_EVERY = 50;
  return {
    name: 'mix',
    run: (client, serial) => {
      const read = reads[serial % reads.length];
      if (serial % CREATE_EVERY === 0 || read === undefined) return create.run(client, serial);
      // One ps -a of the whole cluster in a round is enough.
      return read.name === 'ps -a' && serial > reads.length ? Promise.resolve(0) : read.run(client, serial);
    },
  };
}

function sampleOf(manager: RunningManager, startedAt: number): Sample {
  return {
    seconds: (performance.now() - startedAt) / 1000,
    residentMb: megabytes(manager.meter.memory().resident),
    descriptors: manager.meter.descriptors(),
  };
}

/** Containers that the manager and the engines do not agree about, by ID and state. */
async function differences(session: Session, client: LoadClient): Promise<number> {
  const { body } = await client.fetch(plainRequest('GET', '/containers/json?all=1'));
  const listed = (JSON.parse(body.toString()) as { Id: string; State: string }[]).map(
    ({ Id, State }) => `${Id} ${State}`,
  );
  const held = new Set((await session.fleet.dump()).flat());
  const unknown = listed.filter((line) => !held.delete(line)).length;
  return unknown + held.size;
}

/** The means of the second and the last quarter: the first one still warms up. */
function flatness(samples: readonly Sample[]): Fact[] {
  const quarter = Math.max(1, Math.floor(samples.length / 4));
  const early = samples.slice(quarter, 2 * quarter);
  const late = samples.slice(-quarter);
  const mean = (of: readonly Sample[], pick: (sample: Sample) => number): number =>
    of.reduce((sum, sample) => sum + pick(sample), 0) / Math.max(1, of.length);
  return [
    { name: 'memory, second quarter', value: mean(early, (one) => one.residentMb), unit: 'MB' },
    { name: 'memory, last quarter', value: mean(late, (one) => one.residentMb), unit: 'MB' },
    { name: 'descriptors, second quarter', value: mean(early, (one) => one.descriptors), unit: '' },
    { name: 'descriptors, last quarter', value: mean(late, (one) => one.descriptors), unit: '' },
  ];
}

function endFacts(left: number, convergedMs: number | undefined, churnOperations: number): Fact[] {
  const remark =
    convergedMs === undefined ? 'never equal' : `equal ${(convergedMs / 1000).toFixed(1)} s after the last change`;
  return [
    { name: 'changes made by the engines', value: churnOperations, unit: '' },
    { name: 'containers that differ at the end', value: left, unit: '', remark },
  ];
}
