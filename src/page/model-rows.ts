import type { Container } from '../cluster/container.ts';
import type { Node } from '../cluster/node.ts';
import { exitCodeOf, healthOf } from '../cluster/status.ts';
import { PROJECT_LABEL, SERVICE_LABEL } from '../common/compose-labels.ts';
import type { DesiredState } from '../desired/desired-state.ts';
import type { ContainerRecord } from '../desired/record.ts';
import type { PortSummary } from '../engine/types.ts';
import { GROUP_LABEL } from '../scheduler/groups.ts';
import type { NodeNumbers } from './node-numbers.ts';
import type { ContainerRow, ContainerState, MoveRow, NodeRow } from './protocol.ts';

/** What rows are made from besides the container or the node itself. */
export interface RowSources {
  readonly numbers: NodeNumbers;
  readonly desired: DesiredState;
  /** Name of a node by its ID; the ID itself when it is not in the cluster. */
  readonly nodeName: (id: string) => string;
  /** Labels that name failure domains, the widest first. */
  readonly domains: readonly string[];
  readonly isLost: (node: Node) => boolean;
  readonly isDrilled: (node: Node) => boolean;
}

/** Words of engines in a row: a row is sent to every viewer. */
const MAX_CHARS = 300;
/** Ports of a row; an inspection has them all. */
const MAX_PORTS = 16;

export function containerRow(container: Container, sources: RowSources): ContainerRow {
  const { id, name, image, state, node, engineId, labels, createdSeconds, status } = container;
  const reservation = node.ledger.of(engineId);
  const arrived = container.isRecorded ? sources.desired.index.byId(id)?.arrived : undefined;
  const health = healthOf(status);
  const exitCode = exitCodeOf(status);
  const wait = node.waitingReason(engineId)?.replace(/^(waits|stays): /, '');
  const project = labels[PROJECT_LABEL];
  const service = labels[SERVICE_LABEL];
  const group = labels[GROUP_LABEL];
  const ports = container.mentions('"PublicPort"') ? portTexts(container.ports) : NO_PORTS;
  return {
    id,
    name: clip(name),
    image: clip(image),
    state: state as ContainerState,
    n: sources.numbers.of(node),
    createdSeconds,
    ...(health !== 'none' && { health }),
    ...(status.sinceMs !== undefined && { since: Math.round(status.sinceMs) }),
    ...(exitCode !== undefined && { exitCode }),
    ...(project && { project: clip(project) }),
    ...(service && { service: clip(service) }),
    ...(group && { group: clip(group) }),
    ...(reservation && reservation.nanoCpus > 0 && { cpus: reservation.nanoCpus / 1e9 }),
    ...(reservation && reservation.memoryBytes > 0 && { memory: reservation.memoryBytes }),
    ...(ports.length > 0 && { ports }),
    ...(wait !== undefined && { wait: clip(wait) }),
    ...(arrived && { from: { node: sources.nodeName(arrived.from), why: clip(arrived.why), at: arrived.atMs } }),
    ...(container.isOfSwarm && { own: true }),
  };
}

export function nodeRow(node: Node, { numbers, domains, isLost, isDrilled }: RowSources): NodeRow {
  const { info, labels, counts, warnings, builtins } = node;
  return {
    n: numbers.of(node),
    id: node.id,
    name: clip(node.name),
    address: node.address,
    state: node.state,
    ...(node.reason !== '' && { reason: clip(node.reason) }),
    availability: node.availability,
    domains: domains.map((label) => labels.get(label) ?? null),
    ...(isLost(node) && { lost: true }),
    ...(isDrilled(node) && { drill: true }),
    cpus: node.totalNanoCpus / 1e9,
    memory: node.totalMemoryBytes,
    reservedCpus: node.reservedNanoCpus / 1e9,
    reservedMemory: node.reservedMemoryBytes,
    running: counts.running,
    paused: counts.paused,
    stopped: counts.stopped,
    version: info?.ServerVersion ?? '',
    platform: info ? `${builtins.ostype}/${builtins.architecture}` : '',
    ...(warnings.length > 0 && { warnings: warnings.map(clip) }),
  };
}

/** A move under way; undefined of a record without one. */
export function moveRow(record: ContainerRecord, nodeNumber: (id: string) => number | null): MoveRow | undefined {
  const { id, name, current, move } = record;
  if (!move || id === undefined) return undefined;
  const { to, how, why, sinceMs } = move;
  return {
    id,
    name: clip(name),
    from: nodeNumber(current.nodeId),
    to: nodeNumber(to.nodeId),
    how,
    why: clip(why),
    since: sinceMs,
  };
}

/** `10.0.0.1:8080->80/tcp` of each published port. */
export function portTexts(ports: readonly PortSummary[]): readonly string[] {
  const texts = ports.flatMap(({ IP, PublicPort, PrivatePort, Type }) => {
    if (PublicPort === undefined) return [];
    const host = IP?.includes(':') ? `[${IP}]` : (IP ?? '');
    return [`${host}:${PublicPort}->${PrivatePort}/${Type}`];
  });
  return texts.slice(0, MAX_PORTS);
}

/** Bounded, and without breaks: what an engine says is no more than a line. */
export function clip(text: string): string {
  return text.length <= MAX_CHARS ? text : `${text.slice(0, MAX_CHARS - 1)}…`;
}

const NO_PORTS: readonly string[] = [];
