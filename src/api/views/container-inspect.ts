import type { Container } from '../../cluster/container.ts';
import { type JsonRange, memberRange, setMember } from '../../common/json-edit.ts';

interface PortBinding {
  readonly HostIp?: string;
  readonly HostPort?: string;
}

/**
 * An engine's inspect answer as the cluster shows it: with `Node` (as classic swarm had it), the node's own address in
 * published ports, and the container's cluster identity. Everything else stays the engine's text.
 */
export function inspectView(answer: string, container: Container): string {
  const { node, id, engineId } = container;
  let text = withReachablePorts(answer, node.address);
  if (id !== engineId) text = setMember(text, ['Id'], JSON.stringify(id));
  return `{"Node":${node.factsJson},${text.slice(text.indexOf('{') + 1)}`;
}

/** `0.0.0.0` and `::` become the node's address; where both said the same port it is listed once. */
function withReachablePorts(text: string, address: string): string {
  const range = portsRange(text);
  if (!range) return text;
  const ports = text.slice(range.start, range.end);
  if (!ports.includes('"HostIp"')) return text;
  const parsed = JSON.parse(ports) as Readonly<Record<string, readonly PortBinding[] | null>> | null;
  const reachable = Object.entries(parsed ?? {}).map(([port, bindings]) => [
    port,
    bindings && reachableBindings(bindings, address),
  ]);
  return text.slice(0, range.start) + JSON.stringify(Object.fromEntries(reachable)) + text.slice(range.end);
}

/**
 * Where the ports are. Engines write the network settings at the end, so that what stands before them need not be read. A quote inside
 * a JSON string is escaped: what is searched for can only be a member, and it is one of the whole if all its brackets close behind it.
 */
function portsRange(text: string): JsonRange | undefined {
  const at = text.lastIndexOf('"NetworkSettings":{');
  if (at > 0) {
    try {
      const range = memberRange(`{${text.slice(at)}`, PORTS);
      return range && { start: range.start + at - 1, end: range.end + at - 1 };
    } catch {
      // A member of something inside.
    }
  }
  return memberRange(text, PORTS);
}

const PORTS = ['NetworkSettings', 'Ports'] as const;

function reachableBindings(bindings: readonly PortBinding[], address: string): PortBinding[] {
  const shown = new Map<string, PortBinding>();
  for (const binding of bindings) {
    const isEverywhere = !binding.HostIp || binding.HostIp === '0.0.0.0' || binding.HostIp === '::';
    const reachable = isEverywhere ? { ...binding, HostIp: address } : binding;
    shown.set(`${reachable.HostIp}|${reachable.HostPort}`, reachable);
  }
  return [...shown.values()];
}
