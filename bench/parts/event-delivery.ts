import { setTimeout as sleep } from 'node:timers/promises';
import type { Fleet } from '../fleet/fleet.ts';
import type { Floor } from '../floor/floors.ts';
import { EventSubscriber } from '../load/event-subscriber.ts';
import type { Target } from '../load/target.ts';
import { waitUntil } from './wait.ts';

/** Slow enough that 100 subscribers in one process follow, so that latency is the manager's. */
export const EVENTS_PER_SECOND = 250;
/** After so long without a further event the rest is lost. */
const STRAGGLERS_MS = 15_000;

/** What handing out one series of events cost and brought. */
export interface Delivery {
  /** CPU time per event and subscriber, without what goes on when nothing happens. */
  readonly cpuUsEach: number;
  readonly lost: number;
  readonly duplicates: number;
  readonly latenciesMs: readonly number[];
  /** Requests that engines got for each event, without those that they get anyway. */
  readonly requestsPerEvent: number;
}

/** What goes on when nothing happens, per millisecond. */
export interface Idling {
  readonly cpuMs: number;
  readonly requests: number;
}

export const NO_IDLING: Idling = { cpuMs: 0, requests: 0 };

/** Watches for a while. */
export async function watchIdling({ meter }: Floor, fleet: Fleet, forMs: number): Promise<Idling> {
  const before = { cpuMs: meter.cpuMs(), requests: (await fleet.counters()).requests };
  await sleep(forMs);
  const requests = (await fleet.counters()).requests - before.requests;
  return { cpuMs: (meter.cpuMs() - before.cpuMs) / forMs, requests: requests / forMs };
}

/** Emits `count` events of all nodes of a fleet to so many subscribers of a target. */
export async function deliver(
  { target, meter }: Floor,
  fleet: Fleet,
  subscribers: number,
  count: number,
  idling: Idling,
): Promise<Delivery> {
  const all = await subscribe(target, subscribers);
  const before = { cpuMs: meter.cpuMs(), requests: (await fleet.counters()).requests, at: performance.now() };
  await fleet.emit(0, count, EVENTS_PER_SECOND);
  await untilReceived(all, count);
  const elapsedMs = performance.now() - before.at;
  const cpuMs = meter.cpuMs() - before.cpuMs - idling.cpuMs * elapsedMs;
  const requests = (await fleet.counters()).requests - before.requests - idling.requests * elapsedMs;
  const received = all.reduce((sum, one) => sum + one.received, 0);
  const duplicates = all.reduce((sum, one) => sum + one.duplicates, 0);
  for (const one of all) one.close();
  return {
    cpuUsEach: (Math.max(0, cpuMs) * 1000) / received,
    lost: count * subscribers - received,
    duplicates,
    latenciesMs: all[0]?.latenciesMs ?? [],
    requestsPerEvent: Math.max(0, requests) / count,
  };
}

/** Waits for the last event as long as others still come: on a busy machine that takes its time. */
async function untilReceived(all: readonly EventSubscriber[], count: number): Promise<void> {
  const received = (): number => all.reduce((sum, one) => sum + one.received, 0);
  const isDone = (): boolean => all.every((one) => one.received >= count);
  for (let before = -1; !isDone() && received() > before; ) {
    before = received();
    await waitUntil(isDone, STRAGGLERS_MS);
  }
}

/** Opens so many subscriptions; nothing emitted from now on may be missing in any. */
export function subscribe(target: Target, count: number): Promise<EventSubscriber[]> {
  return Promise.all(Array.from({ length: count }, () => EventSubscriber.open(target)));
}
