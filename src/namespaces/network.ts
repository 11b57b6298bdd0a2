import { createHash } from 'node:crypto';
import { must } from '../common/command.ts';
import { HostError } from './errors.ts';
import { withLock } from './lock.ts';
import { lockPath, namespaceName } from './paths.ts';
import { chooseSubnet, usedRanges } from './subnets.ts';

/**
 * The run's network. The bridge lives in a network namespace of its own, the switch, and this machine is one more port on
 * it: the machine gets a single interface and its own firewall (bridge-nf-call-iptables, FORWARD policy) never sees what the
 * nodes say to each other.
 */
export interface BridgeNetwork {
  /** First three octets and a dot, "10.213.7.". */
  readonly prefix: string;
  readonly subnet: string;
  readonly bridgeAddress: string;
}

/** One node's plug in the switch. */
export interface Port {
  readonly run: string;
  readonly node: string;
  /** 1-based; picks the address, the MAC address and the port's name. */
  readonly index: number;
  readonly address: string;
}

const bridge = 'switch';
/** Addresses .1 to .10 are the machine's. */
const firstHostOctet = 10;
/** Largest port index a /24 has room for. */
const maxPorts = 240;

/** This machine's interface on the bridge of a run. */
export function hostInterface(run: string): string {
  return `enxame${createHash('sha256').update(run).digest('hex').slice(0, 8)}`;
}

/** Makes the switch of a run on a free subnet, with this machine as its first port. */
export function createNetwork(run: string): Promise<BridgeNetwork> {
  // The lock covers choosing and claiming: two runs that start together must not see the same subnet free.
  return withLock(lockPath('network'), async () => {
    const subnet = chooseSubnet(await usedRanges(), run);
    const prefix = subnet.slice(0, subnet.lastIndexOf('.') + 1);
    const bridgeAddress = `${prefix}1`;
    const [host, space] = [hostInterface(run), namespaceName(run)];
    await must('ip', ['netns', 'add', space]);
    await ipBatch([
      `link add ${host} type veth peer name uplink netns ${space}`,
      `addr add ${bridgeAddress}/24 dev ${host}`,
      `link set ${host} up`,
    ]);
    await ipBatch(
      [`link add ${bridge} type bridge`, `link set ${bridge} up`, `link set uplink master ${bridge} up`],
      space,
    );
    await passBridgedTraffic(space);
    return { prefix, subnet, bridgeAddress };
  });
}

/** Makes a node's network namespace and plugs it in. */
export async function createPort(run: string, node: string, index: number, network: BridgeNetwork): Promise<Port> {
  if (index > maxPorts) throw new HostError(`node ${node}: a lab has room for ${maxPorts} nodes`);
  const address = `${network.prefix}${firstHostOctet + index}`;
  const [space, hub] = [namespaceName(run, node), namespaceName(run)];
  await must('ip', ['netns', 'add', space]);
  await ipBatch([`link add ${portName(index)} netns ${hub} type veth peer name eth0 netns ${space}`]);
  await Promise.all([
    ipBatch([`link set ${portName(index)} master ${bridge} up`], hub),
    ipBatch(
      [
        'link set lo up',
        // A fixed MAC: peers' ARP entries stay right however often the host is lost and comes back.
        `link set eth0 address ${macAddress(run, index)}`,
        `addr add ${address}/24 dev eth0`,
        'link set eth0 up',
      ],
      space,
    ),
  ]);
  return { run, node, index, address };
}

/** Pulls the node's cable or plugs it in again. */
export async function setLink(port: Port, state: 'up' | 'down'): Promise<void> {
  await must('ip', ['-n', namespaceName(port.run), 'link', 'set', portName(port.index), state]);
}

/** `nsenter` arguments for a command in a node's network namespace. */
export function inNetwork(run: string, node?: string): string[] {
  return [`--net=/run/netns/${namespaceName(run, node)}`];
}

/** A port's device in the switch. */
export function portName(index: number): string {
  return `port${index}`;
}

function macAddress(run: string, index: number): string {
  const [a, b, c] = createHash('sha256').update(run).digest();
  // 02: locally administered.
  return [0x02, a, b, c, index >> 8, index & 0xff].map((octet) => (octet ?? 0).toString(16).padStart(2, '0')).join(':');
}

/** The switch forwards frames as a switch does: no firewall looks into them. The setting belongs to the namespace. */
async function passBridgedTraffic(space: string): Promise<void> {
  const script = 'for f in /proc/sys/net/bridge/bridge-nf-call-*; do [ ! -e "$f" ] || echo 0 >"$f"; done';
  await must('nsenter', [`--net=/run/netns/${space}`, 'sh', '-c', script]);
}

async function ipBatch(lines: readonly string[], space?: string): Promise<void> {
  await must('ip', [...(space === undefined ? [] : ['-n', space]), '-batch', '-'], { input: `${lines.join('\n')}\n` });
}
