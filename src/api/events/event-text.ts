import type { Node } from '../../cluster/node.ts';
import type { EngineEvent } from '../../engine/types.ts';

/** One message of the merged stream: as parsed for filters, and as text for clients (64-bit times survive only there). */
export interface ClusterMessage {
  readonly event: EngineEvent;
  readonly node: Node;
  /** Nanoseconds since the epoch, to order and to cut by time. */
  readonly timeNano: bigint;
  /** The line clients get, with its end. */
  readonly line: Buffer;
  /** {@link line} as a chunk of an HTTP/1.1 body, framed once for all subscribers. */
  readonly chunk: Buffer;
}

/** An engine's message with the node's attributes, the node behind `from` and a `node` object, as classic swarm sent it. */
export function clusterMessage(node: Node, event: EngineEvent, text: string): ClusterMessage {
  return { event, node, timeNano: timeNanoOf(text), ...encoded(withNode(node, event, text)) };
}

/** Our own messages about engines: `engine_connect`, `engine_disconnect`, `engine_reconnect`. */
export function nodeMessage(node: Node, action: string, reason: string, nowMs: number): ClusterMessage {
  const timeNano = BigInt(Math.round(nowMs)) * 1_000_000n;
  const attributes = { name: node.name, ...(reason === '' ? {} : { reason }) };
  const event: EngineEvent = {
    Type: 'node',
    Action: action,
    Actor: { ID: node.id, Attributes: attributes },
    scope: 'cluster',
  };
  const head = JSON.stringify({ status: action, id: node.id, from: 'swarm', ...event, time: Math.floor(nowMs / 1000) });
  const text = `${head.slice(0, -1)},"timeNano":${timeNano}}`;
  return { event, node, timeNano, ...encoded(withNode(node, event, text)) };
}

/** The chunk and, in the same memory, the line in it. */
function encoded(text: string): Pick<ClusterMessage, 'line' | 'chunk'> {
  const bytes = Buffer.byteLength(text) + 1;
  const size = `${bytes.toString(16)}\r\n`;
  const chunk = Buffer.from(`${size}${text}\n\r\n`);
  return { chunk, line: chunk.subarray(size.length, size.length + bytes) };
}

/** The last `timeNano` of a message's text: attributes, which may be called alike, come before it. */
function timeNanoOf(text: string): bigint {
  const at = text.lastIndexOf('"timeNano":');
  const digits = at < 0 ? undefined : /^\d+/.exec(text.slice(at + '"timeNano":'.length))?.[0];
  return digits === undefined ? 0n : BigInt(digits);
}

/**
 * Inserts into the text where engines put things: `{"status","id","from","Type","Action","Actor":{"ID","Attributes"},…}`.
 * Inside a JSON string quotes are escaped, so the patterns searched for cannot be part of a value.
 */
function withNode(node: Node, event: EngineEvent, text: string): string {
  const attributes = nodeAttributes(node);
  let edited = insertBehind(text, '"Attributes":{', event.Actor.Attributes, attributes);
  edited = edited.replace(
    /^(\s*\{(?:"status":"(?:[^"\\]|\\.)*",)?(?:"id":"(?:[^"\\]|\\.)*",)?"from":"(?:[^"\\]|\\.)*)"/,
    (_all, head: string) => `${head} node:${JSON.stringify(node.name).slice(1, -1)}"`,
  );
  const container = event.Type === 'container' ? node.containers.get(event.Actor.ID) : undefined;
  if (container && container.id !== container.engineId) edited = edited.replaceAll(container.engineId, container.id);
  return edited.replace(
    '{',
    `{"node":${JSON.stringify({ Name: node.name, Id: node.id, Addr: node.entry, Ip: node.address })},`,
  );
}

function insertBehind(
  text: string,
  mark: string,
  present: EngineEvent['Actor']['Attributes'],
  members: string,
): string {
  const at = text.indexOf(mark);
  if (at < 0) return text;
  const end = at + mark.length;
  const separator = present && Object.keys(present).length > 0 ? ',' : '';
  return text.slice(0, end) + members + separator + text.slice(end);
}

function nodeAttributes(node: Node): string {
  const attributes = { 'node.addr': node.entry, 'node.id': node.id, 'node.ip': node.address, 'node.name': node.name };
  return JSON.stringify(attributes).slice(1, -1);
}
