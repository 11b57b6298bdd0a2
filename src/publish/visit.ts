import type { Duplex } from 'node:stream';
import type { Clock } from '../common/clock.ts';
import { join } from '../common/join-streams.ts';
import { readLine } from '../common/read-line.ts';
import { VISIT_LINE_BYTES, VISIT_TAKEN, type Visit, type VisitOrder } from '../engine/dialled/visits.ts';
import type { Connections } from '../relay/connections.ts';
import { proxyHeader } from '../relay/proxy-header.ts';
import { connectTo, reachTarget } from '../relay/reach.ts';
import type { Target } from '../relay/target.ts';
import type { Ring } from './ring.ts';

/** How long an agent may keep a visit that was refused, in milliseconds. */
const LEAVE_MS = 30_000;

export interface VisitDeps {
  /** The containers behind a port that is open at nodes, as `8080/tcp`. */
  readonly ringOf: (place: string) => Ring | undefined;
  /** Where the agent may reach a target without the manager, as far as that is known. */
  readonly straight: (target: Target) => Extract<VisitOrder, { readonly to: unknown }>['to'] | undefined;
  /** The agent did not reach a target that the manager reaches. */
  readonly noteUnreached: (target: Target) => void;
  readonly connections: Connections;
  readonly clock: Clock;
}

/** Says of one connection that an agent took where it leads, or carries it. `visit` is the first line. Never rejects. */
export async function serveVisit(stream: Duplex, visit: Visit, deps: VisitDeps): Promise<void> {
  const { connections } = deps;
  const ring = deps.ringOf(`${visit.port}/tcp`);
  const release = ring && connections.take(ring, stream);
  if (!ring || !release) return refuse(stream);
  stream.once('close', release);
  const unreached: Target[] = [];
  const reached = await reachTarget(stream, { ...deps, targets: ring }, async (target) => {
    const to = deps.straight(target);
    if (to && (await isTaken(stream, visit, { target, to }))) return 'straight' as const;
    const upstream = await connectTo(target);
    if (upstream && to) unreached.push(target);
    return upstream;
  });
  for (const target of unreached) deps.noteUnreached(target);
  if (!reached) {
    if (!stream.destroyed) connections.tally.failed += 1;
    return refuse(stream);
  }
  const { by, target, leave } = reached;
  if (by === 'straight') {
    stream.once('close', leave);
    if (stream.destroyed) leave();
    stream.resume();
    return;
  }
  by.once('close', leave);
  if (stream.destroyed) return void by.destroy();
  stream.write(lineOf({ carry: true }));
  if (target.proxyProtocol) by.write(proxyHeader(target.proxyProtocol, visit));
  join(stream, by);
}

/** Carries a connection to the manager's own API. Never rejects. */
export async function carryToApi(stream: Duplex, connect: (() => Promise<Duplex>) | undefined): Promise<void> {
  const api = await connect?.().catch(() => undefined);
  if (!api) return refuse(stream);
  if (stream.destroyed) return void api.destroy();
  stream.write(lineOf({ carry: true }));
  join(stream, api);
}

async function isTaken(
  stream: Duplex,
  visit: Visit,
  { target, to }: { readonly target: Target; readonly to: NonNullable<ReturnType<VisitDeps['straight']>> },
): Promise<boolean> {
  const { proxyProtocol } = target;
  stream.write(lineOf({ to, ...(proxyProtocol && { header: proxyHeader(proxyProtocol, visit).toString('base64') }) }));
  return (await readLine(stream, VISIT_LINE_BYTES)) === JSON.stringify(VISIT_TAKEN);
}

/** Said in words: an agent takes a stream that breaks for one of a manager that has gone. */
export function refuse(stream: Duplex): void {
  if (stream.destroyed) return;
  stream.end(lineOf({ refused: true }));
  stream.resume();
  const timer = setTimeout(() => stream.destroy(), LEAVE_MS).unref();
  stream.once('close', () => clearTimeout(timer));
}

export function lineOf(order: VisitOrder): Buffer {
  return Buffer.from(`${JSON.stringify(order)}\n`);
}
