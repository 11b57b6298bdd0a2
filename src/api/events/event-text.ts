import type { Container } from '../../cluster/container.ts';
import { hasHidden, type NetworkNames, predefinedId, withoutHidden } from '../../cluster/network-names.ts';
import type { Node } from '../../cluster/node.ts';
import { chunkOf } from '../../engine/http/chunk-writer.ts';
import type { EngineEvent } from '../../engine/types.ts';

/** One message of the merged stream: as parsed for filters, and as text for clients (64-bit times survive only there). */
export interface ClusterMessage {
  readonly event: EngineEvent;
  readonly node: Place;
  /** Nanoseconds since the epoch, to order and to cut by time. */
  readonly timeNano: bigint;
  /** The line clients get, with its end. */
  readonly line: Buffer;
  /** {@link line} as a chunk of an HTTP/1.1 body, framed once for all subscribers. */
  readonly chunk: Buffer;
}

/** Where something happened, as messages name it. */
export type Place = Pick<Node, 'id' | 'name' | 'entry' | 'address'>;

/** An engine's message with the node's attributes, the node behind `from` and a `node` object, as classic swarm sent it. */
export function clusterMessage(node: Node, told: EngineEvent, text: string, names: NetworkNames): ClusterMessage {
  const timeNano = timeNanoOf(text);
  const event = { ...told, Actor: shownActor(told, names) };
  return { event, node, timeNano, ...encoded(withNode(node, event, timeNano)) };
}

/** A network under the name and ID that clients know; a container without labels of the manager's own. */
function shownActor({ Type, Actor }: EngineEvent, names: NetworkNames): EngineEvent['Actor'] {
  const { ID, Attributes } = Actor;
  if (!Attributes) return Actor;
  if (Type === 'network') {
    const name = Attributes.name ?? '';
    return {
      ...Actor,
      ID: predefinedId(name) ?? names.shownId(ID),
      Attributes: { ...Attributes, name: names.shown(name) },
    };
  }
  return hasHidden(Attributes) ? { ...Actor, Attributes: withoutHidden(Attributes) } : Actor;
}

/**
 * What clients see of a container that was moved: it died and started again, with the nodes and the reason. Nothing when it does not run, as
 * nothing happened to it then.
 */
export function moveMessages(before: Container, after: Container, why: string, nowMs: number): ClusterMessage[] {
  if (after.state !== 'running' && after.state !== 'paused') return [];
  const move = {
    'enxame.move.from': before.node.name,
    'enxame.move.to': after.node.name,
    'enxame.move.why': why,
  };
  const timeNano = BigInt(Math.round(nowMs)) * 1_000_000n;
  return [
    containerMessage(before, 'die', { exitCode: KILLED, ...move }, timeNano),
    containerMessage(after, 'start', move, timeNano + 1n),
  ];
}

/** The exit code of what was killed: what a copy in a move ended with is not the container's end. */
const KILLED = '137';

/** A message about a container as its engine would write it. */
function containerMessage(
  { node, id, name, image, labels }: Container,
  action: string,
  more: Readonly<Record<string, string>>,
  timeNano: bigint,
): ClusterMessage {
  const attributes = { ...labels, image, name, ...more };
  const event: EngineEvent = {
    Type: 'container',
    Action: action,
    Actor: { ID: id, Attributes: attributes },
    scope: 'local',
  };
  const told = { status: action, id, from: image, ...event, time: Number(timeNano / 1_000_000_000n) };
  return { event, node, timeNano, ...encoded(withNode(node, told, timeNano)) };
}

/** Our own messages about engines: `engine_connect`, `engine_disconnect`, `engine_reconnect`. */
export function nodeMessage(node: Node, action: string, reason: string, nowMs: number): ClusterMessage {
  const attributes = { name: node.name, ...(reason === '' ? {} : { reason }) };
  const actor = { ID: node.id, Attributes: attributes };
  return ownMessage(node, { Type: 'node', Action: action, Actor: actor }, nowMs);
}

/** A message of the manager's own. */
export function ownMessage(
  place: Place,
  told: Pick<EngineEvent, 'Type' | 'Action' | 'Actor'>,
  nowMs: number,
): ClusterMessage {
  const timeNano = BigInt(Math.round(nowMs)) * 1_000_000n;
  const event: EngineEvent = { ...told, scope: 'cluster' };
  const { Action: status, Actor } = told;
  const written = { status, id: Actor.ID, from: 'swarm', ...event, time: Math.floor(nowMs / 1000) };
  return { event, node: place, timeNano, ...encoded(textOf(place, written, timeNano)) };
}

/** The chunk and, in the same memory, the line in it. */
function encoded(text: string): Pick<ClusterMessage, 'line' | 'chunk'> {
  const { chunk, data } = chunkOf(`${text}\n`);
  return { chunk, line: data };
}

/** The last `timeNano` of a message's text: attributes, which may be called alike, come before it. */
function timeNanoOf(text: string): bigint {
  const at = text.lastIndexOf(TIME_NANO);
  const digits = at < 0 ? undefined : /^\d{1,19}(?!\d)/.exec(text.slice(at + TIME_NANO.length))?.[0];
  return digits === undefined ? 0n : BigInt(digits);
}

const TIME_NANO = '"timeNano":';

interface Written extends EngineEvent {
  /** The image; `image node:name` in classic swarm. */
  readonly from?: string | null;
  readonly timeNano?: number | null;
}

/**
 * The message written anew from what was read and checked: whatever one engine makes of it (a member that comes twice, say), the
 * stream goes on for all subscribers. Of its numbers only `timeNano` does not fit a double.
 */
function withNode(node: Node, event: EngineEvent, timeNano: bigint): string {
  const text = textOf(node, event, timeNano);
  const container = event.Type === 'container' ? node.containers.get(event.Actor.ID) : undefined;
  return container && container.id !== container.engineId ? text.replaceAll(container.engineId, container.id) : text;
}

function textOf(node: Place, event: EngineEvent, timeNano: bigint): string {
  const { Actor, from, timeNano: _, ...facts }: Written = event;
  const ours = nodeAttributes(node);
  const message = {
    ...facts,
    ...(from && { from: `${from} node:${node.name}` }),
    node: { Name: node.name, Id: node.id, Addr: node.entry, Ip: node.address },
    Actor: { ...Actor, Attributes: { ...ours, ...Actor.Attributes, ...ours } },
  };
  return `${JSON.stringify(message).slice(0, -1)},${TIME_NANO}${timeNano}}`;
}

function nodeAttributes(node: Place): Readonly<Record<string, string>> {
  return { 'node.addr': node.entry, 'node.id': node.id, 'node.ip': node.address, 'node.name': node.name };
}
