import { hostname } from 'node:os';
import type { Cluster } from '../../cluster/cluster.ts';
import type { Notice } from '../../notify/notice.ts';
import { type ClusterMessage, ownMessage, type Place } from './event-text.ts';

/** Where the brake is. */
const MANAGER: Place = { id: '', name: hostname(), entry: '', address: '' };

/**
 * What clients of `docker events` see of a notice: `reschedule_wait` of a container that should run and cannot, `publish_failed` of one
 * with a port that is not at the endpoint, `engine_lost`, `drain_begun` and
 * `drain_done` of a node, `failover_brake_on` and `…_off` of the manager. Undefined for what other messages tell.
 */
export function noticeMessage(notice: Notice, cluster: Cluster, nowMs: number): ClusterMessage | undefined {
  const { event, why = '', container } = notice;
  const place = cluster.node(notice.node ?? '') ?? MANAGER;
  switch (event) {
    case 'waiting': {
      const Actor = { ID: container?.id ?? '', Attributes: { name: container?.name ?? '', reason: why } };
      return ownMessage(place, { Type: 'container', Action: 'reschedule_wait', Actor }, nowMs);
    }
    case 'port-unavailable': {
      const Actor = { ID: container?.id ?? '', Attributes: { name: container?.name ?? '', reason: why } };
      return ownMessage(place, { Type: 'container', Action: 'publish_failed', Actor }, nowMs);
    }
    case 'node-lost': {
      const Actor = { ID: place.id, Attributes: { name: place.name, reason: why } };
      return ownMessage(place, { Type: 'node', Action: 'engine_lost', Actor }, nowMs);
    }
    case 'drain-begun':
    case 'drain-done': {
      const Action = event === 'drain-begun' ? 'drain_begun' : 'drain_done';
      const Actor = { ID: place.id, Attributes: { name: place.name, ...(why !== '' && { reason: why }) } };
      return ownMessage(place, { Type: 'node', Action, Actor }, nowMs);
    }
    case 'brake-on':
    case 'brake-off': {
      const Action = event === 'brake-on' ? 'failover_brake_on' : 'failover_brake_off';
      const Actor = { ID: MANAGER.name, Attributes: { name: MANAGER.name, ...(why !== '' && { reason: why }) } };
      return ownMessage(MANAGER, { Type: 'daemon', Action, Actor }, nowMs);
    }
    default:
      return undefined;
  }
}
