import { setTimeout as sleep } from 'node:timers/promises';
import { percentilesOf } from '../measure/percentiles.ts';
import { paced } from '../options.ts';
import type { Fact } from '../report/result.ts';
import type { RunningManager, Session } from '../session.ts';
import { type Delivery, deliver, EVENTS_PER_SECOND, NO_IDLING, subscribe, watchIdling } from './event-delivery.ts';
import { type Findings, megabytes } from './part.ts';
import { waitUntil } from './wait.ts';

const SUBSCRIBERS = 100;
const EVENTS = 2000;
const SETTLE_MS = 5000;
const IDLE_MS = 5000;

const SLOW_SUBSCRIBERS = 5;
/** About 40 MB for each subscriber: more than all socket buffers between us hold. */
const FLOOD_EVENTS = 40_000;
const FLOOD_PER_SECOND = 8000;
const STRAGGLERS_MS = 15_000;

/** Events of all engines to one and to a hundred subscribers, and what becomes of subscribers that do not read. */
export async function eventsPart(session: Session): Promise<Findings> {
  const count = paced(session.options, EVENTS);
  const engine = await session.floors.engine();
  const floor = await deliver(engine, engine.fleet, SUBSCRIBERS, count, NO_IDLING);
  const manager = await session.startManager();
  if (manager === undefined) return { facts: [deliveryFact('floor: CPU per delivered event, engine alone', floor)] };
  await sleep(paced(session.options, SETTLE_MS));
  const idling = await watchIdling(manager, session.fleet, paced(session.options, IDLE_MS));
  const one = await deliver(manager, session.fleet, 1, count, idling);
  const many = await deliver(manager, session.fleet, SUBSCRIBERS, count, idling);
  const lost: Fact = {
    name: 'events lost',
    value: one.lost + many.lost,
    unit: '',
    remark: `of ${count * (SUBSCRIBERS + 1)}`,
  };
  return {
    facts: [
      { name: 'CPU per event, 1 subscriber', value: one.cpuUsEach, unit: 'µs', remark: 'taken in and handed on' },
      { name: 'requests to engines per event', value: one.requestsPerEvent, unit: '' },
      { ...deliveryFact('CPU per delivered event', many), floor: floor.cpuUsEach },
      lost,
      { name: 'events delivered twice', value: one.duplicates + many.duplicates, unit: '' },
      ...latencyFacts(many),
      ...(await slowFacts(session, manager)),
    ],
  };
}

/** Some subscribers stop reading while the others must still get everything. */
async function slowFacts(session: Session, { target, meter }: RunningManager): Promise<Fact[]> {
  const flood = paced(session.options, FLOOD_EVENTS);
  const slow = await subscribe(target, SLOW_SUBSCRIBERS);
  const quick = await subscribe(target, SLOW_SUBSCRIBERS);
  for (const one of slow) one.pause();
  const before = meter.memory().resident;
  await session.fleet.emit(0, flood, FLOOD_PER_SECOND);
  await waitUntil(() => quick.every((one) => one.received >= flood), STRAGGLERS_MS);
  const growth = meter.memory().resident - before;
  for (const one of slow) one.resume();
  await waitUntil(() => slow.every((one) => one.ended || one.received >= flood), STRAGGLERS_MS);
  const cut = slow.filter((one) => one.ended).length;
  const lost = quick.reduce((sum, one) => sum + flood - one.received, 0);
  for (const one of [...slow, ...quick]) one.close();
  const remark = `${flood} events at ${FLOOD_PER_SECOND}/s`;
  return [
    { name: 'slow subscribers cut off', value: cut, unit: `of ${SLOW_SUBSCRIBERS}`, remark },
    { name: 'events lost by those that read', value: lost, unit: '', remark },
    { name: 'memory growth meanwhile', value: megabytes(growth), unit: 'MB' },
  ];
}

function deliveryFact(name: string, { cpuUsEach }: Delivery): Fact {
  return { name, value: cpuUsEach, unit: 'µs', remark: `${SUBSCRIBERS} subscribers, ${EVENTS_PER_SECOND} events/s` };
}

function latencyFacts({ latenciesMs }: Delivery): Fact[] {
  const { p50Ms, p99Ms } = percentilesOf(latenciesMs);
  const remark = `${SUBSCRIBERS} subscribers`;
  return [
    { name: 'event latency p50', value: p50Ms, unit: 'ms', remark },
    { name: 'event latency p99', value: p99Ms, unit: 'ms', remark },
  ];
}
