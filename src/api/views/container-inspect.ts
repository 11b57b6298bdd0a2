import type { Container } from '../../cluster/container.ts';
import { type EndpointPorts, portKey } from '../../cluster/endpoint-ports.ts';
import { MOVE_LABELS } from '../../cluster/listed-container.ts';
import { type NetworkNames, shownEndpoints, shownMode } from '../../cluster/network-names.ts';
import {
  type JsonRange,
  memberRange,
  memberString,
  removeMember,
  replaceMember,
  setMember,
} from '../../common/json-edit.ts';
import { ASKED_MODE_LABEL } from '../../common/labels.ts';
import type { EndpointSummary } from '../../engine/types.ts';
import { policyObject } from '../../fencing/restart-policy.ts';

interface PortBinding {
  readonly HostIp?: string;
  readonly HostPort?: string;
}

/**
 * An engine's inspect answer as the cluster shows it: with `Node` (as classic swarm had it), the address that clients reach
 * published ports at, the container's cluster identity, and its networks as clients know them. Everything else stays the engine's text.
 *
 * @param restart the restart policy that clients know, when the engine has another one
 */
export function inspectView(answer: string, container: Container, names: NetworkNames, restart?: string): string {
  const { node, id, engineId } = container;
  // A site's manager names the node of its own that has it.
  let text = node.isSite ? removeMember(answer, ['Node']) : answer;
  text = withReachablePorts(text, node.address, node.endpointPorts(engineId));
  if (restart !== undefined)
    text = setMember(text, ['HostConfig', 'RestartPolicy'], JSON.stringify(policyObject(restart)));
  text = withoutLabel(withAskedMode(withShownNetworks(text, names), names), node.attemptLabel);
  if (container.isRecorded) text = MOVE_LABELS.reduce(withoutLabel, text);
  if (id !== engineId) text = setMember(text, ['Id'], JSON.stringify(id));
  text = withKnownReferences(text, container);
  return `{"Node":${node.factsJson},${text.slice(text.indexOf('{') + 1)}`;
}

/** Networks under the names and IDs that clients know. */
function withShownNetworks(text: string, names: NetworkNames): string {
  const range = settingRange(text, 'Networks');
  if (!range) return text;
  const networks = JSON.parse(text.slice(range.start, range.end)) as Readonly<Record<string, EndpointSummary>> | null;
  const shown = networks && shownEndpoints(networks, names);
  return shown ? text.slice(0, range.start) + JSON.stringify(shown) + text.slice(range.end) : text;
}

function withoutLabel(text: string, label: string): string {
  return text.includes(`"${label}"`) ? removeMember(text, [...LABELS, label]) : text;
}

/** The network mode as asked, without the label that remembers it. Only texts that may need it are read. */
function withAskedMode(text: string, names: NetworkNames): string {
  const isMarked = text.includes(`"${ASKED_MODE_LABEL}"`);
  if (!isMarked && names.isEmpty) return text;
  const asked = isMarked ? memberString(text, [...LABELS, ASKED_MODE_LABEL]) : undefined;
  const mode = shownMode(memberString(text, MODE), asked, names);
  const shown = mode === undefined ? text : replaceMember(text, MODE, JSON.stringify(mode));
  return isMarked ? removeMember(shown, [...LABELS, ASKED_MODE_LABEL]) : shown;
}

const MODE = ['HostConfig', 'NetworkMode'] as const;
const LABELS = ['Config', 'Labels'] as const;

/** Another container that it shares something with, under the ID by which clients know that. */
function withKnownReferences(text: string, { node }: Container): string {
  if (!text.includes('"container:')) return text;
  return SHARED.reduce((shown, key) => {
    const mode = memberString(shown, ['HostConfig', key]);
    const engineId = mode?.startsWith('container:') ? mode.slice('container:'.length) : undefined;
    const known = engineId === undefined ? undefined : node.containers.get(engineId);
    if (!known || known.id === engineId) return shown;
    return setMember(shown, ['HostConfig', key], JSON.stringify(`container:${known.id}`));
  }, text);
}

const SHARED = ['NetworkMode', 'PidMode', 'IpcMode'] as const;

/**
 * `0.0.0.0` and `::` become the node's address, or the endpoint's where the port is open there; where both said the same port it is listed
 * once.
 */
function withReachablePorts(text: string, address: string, endpoint: EndpointPorts | undefined): string {
  const range = settingRange(text, 'Ports');
  if (!range) return text;
  const ports = text.slice(range.start, range.end);
  if (!ports.includes('"HostIp"')) return text;
  const parsed = JSON.parse(ports) as Readonly<Record<string, readonly PortBinding[] | null>> | null;
  const reachable = Object.entries(parsed ?? {}).map(([port, bindings]) => [
    port,
    bindings && reachableBindings(bindings, address).map((binding) => bindingAtEndpoint(port, binding, endpoint)),
  ]);
  return text.slice(0, range.start) + JSON.stringify(Object.fromEntries(reachable)) + text.slice(range.end);
}

/**
 * Where a member of the network settings is. Engines write the network settings at the end, so that what stands before them need not be read. A quote inside
 * a JSON string is escaped: what is searched for can only be a member, and it is one of the whole if all its brackets close behind it.
 */
function settingRange(text: string, name: 'Ports' | 'Networks'): JsonRange | undefined {
  const at = text.lastIndexOf('"NetworkSettings":{');
  if (at > 0) {
    try {
      const range = memberRange(`{${text.slice(at)}`, ['NetworkSettings', name]);
      return range && { start: range.start + at - 1, end: range.end + at - 1 };
    } catch {
      // A member of something inside.
    }
  }
  return memberRange(text, ['NetworkSettings', name]);
}

function bindingAtEndpoint(port: string, binding: PortBinding, endpoint: EndpointPorts | undefined): PortBinding {
  const open = endpoint?.open.get(portKey(binding.HostIp ?? '', binding.HostPort ?? '', port));
  return open ? { ...binding, HostIp: open.ip, HostPort: String(open.port) } : binding;
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
