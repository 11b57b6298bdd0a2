import type { Container } from '../../cluster/container.ts';
import { memberRange, setMember } from '../../common/json-edit.ts';

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
  const range = memberRange(text, ['NetworkSettings', 'Ports']);
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

function reachableBindings(bindings: readonly PortBinding[], address: string): PortBinding[] {
  const shown = new Map<string, PortBinding>();
  for (const binding of bindings) {
    const isEverywhere = !binding.HostIp || binding.HostIp === '0.0.0.0' || binding.HostIp === '::';
    const reachable = isEverywhere ? { ...binding, HostIp: address } : binding;
    shown.set(`${reachable.HostIp}|${reachable.HostPort}`, reachable);
  }
  return [...shown.values()];
}
