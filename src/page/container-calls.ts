import type { Services } from '../api/call.ts';
import type { DesiredState } from '../desired/desired-state.ts';
import { type PageRoutes, sendValue } from './calls.ts';
import { containerDetail } from './container-detail.ts';
import type { EventJournal } from './event-journal.ts';
import { numberOf, pathParam } from './params.ts';
import type { PastMove } from './protocol.ts';

export interface ContainerCallsDeps {
  readonly services: Services;
  readonly desired: DesiredState;
  readonly journal: EventJournal;
}

/** An engine that does not tell by then is shown by what the manager knows, in milliseconds. */
const INSPECT_MS = 10_000;
const MAX_INSPECT_BYTES = 32 * 1024 * 1024;
const MAX_EVENTS = 500;

/** What pages ask of containers, and what happened. */
export function containerCalls({ services, desired, journal }: ContainerCallsDeps): PageRoutes {
  const { cluster, clock } = services;
  return {
    'GET containers/:id': async (call) => {
      const container = cluster.container(pathParam(call, 'id'));
      const path = `/containers/${container.engineId}/json`;
      const bounds = { timeoutMs: INSPECT_MS, maxBytes: MAX_INSPECT_BYTES, signal: call.signal };
      const asked = container.node.isHealthy
        ? await container.node.client.request({ method: 'GET', path, ...bounds }).catch(() => undefined)
        : undefined;
      const inspected = asked?.statusCode === 200 ? parsed(asked.body) : undefined;
      sendValue(call.res, containerDetail(container, inspected, clock.now()));
    },
    'GET containers/:id/moves': async (call) => {
      const { id, node } = cluster.container(pathParam(call, 'id'));
      const seen = journal.movesOf(id);
      const arrived = desired.index.byId(id)?.arrived;
      // What came before this manager began is known of the last move alone.
      const recorded: readonly PastMove[] =
        arrived && seen.length === 0
          ? [
              {
                from: cluster.node(arrived.from)?.name ?? arrived.from,
                to: node.name,
                why: arrived.why,
                at: arrived.atMs,
              },
            ]
          : [];
      sendValue(call.res, [...seen, ...recorded]);
    },
    'GET events': async ({ res, query }) => {
      const limit = numberOf(query, 'limit', { least: 1, most: MAX_EVENTS, otherwise: 200 });
      const before = numberOf(query, 'before', {
        least: 0,
        most: Number.MAX_SAFE_INTEGER,
        otherwise: Number.MAX_SAFE_INTEGER,
      });
      sendValue(res, journal.latest(limit, before));
    },
  };
}

/** Undefined for what is no JSON: engines may say anything. */
function parsed(body: Buffer): unknown {
  try {
    return JSON.parse(body.toString());
  } catch {
    return undefined;
  }
}
