import { must } from '../../src/common/command.ts';
import type { Lab } from '../../src/lab/lab.ts';
import { namespaceName } from '../../src/namespaces/paths.ts';

/** A site behind a router that masquerades. */
export interface NatSite {
  /** What others see packets come from. */
  readonly outer: string;
  /** The node's own address. */
  readonly inner: string;
  /** `iptables` in the router. */
  iptables(args: readonly string[]): Promise<void>;
}

/**
 * Moves a node of a lab behind a router of its own: its cable to the switch is cut for good. `at` is from 0 and picks addresses. What is made ends
 * with the lab.
 */
export async function behindNat(lab: Lab, name: string, at: number): Promise<NatSite> {
  const [hub, node, router] = [lab.name, name, `nat-${name}`].map((each, index) =>
    index === 0 ? namespaceName(each) : namespaceName(lab.name, each),
  ) as [string, string, string];
  const outer = `${lab.bridgeAddress.slice(0, lab.bridgeAddress.lastIndexOf('.') + 1)}${250 - at}`;
  const inner = `192.168.${70 + at}.2`;
  const gateway = `192.168.${70 + at}.1`;
  await must('ip', ['netns', 'add', router]);
  await batch(router, [
    'link set lo up',
    `link add outside type veth peer name nat${at} netns ${hub}`,
    `link add inside type veth peer name site netns ${node}`,
    `addr add ${outer}/24 dev outside`,
    `addr add ${gateway}/24 dev inside`,
    'link set outside up',
    'link set inside up',
  ]);
  await batch(hub, [`link set nat${at} master switch up`]);
  await batch(node, [
    'addr flush dev eth0',
    'link set eth0 down',
    `addr add ${inner}/24 dev site`,
    'link set site up',
    `route add default via ${gateway}`,
  ]);
  const inRouter = [`--net=/run/netns/${router}`];
  await must('nsenter', [...inRouter, 'sh', '-c', 'echo 1 >/proc/sys/net/ipv4/ip_forward']);
  const iptables = async (args: readonly string[]): Promise<void> => {
    await must('nsenter', [...inRouter, 'iptables', '-w', '5', ...args]);
  };
  await iptables(['-t', 'nat', '-A', 'POSTROUTING', '-o', 'outside', '-j', 'MASQUERADE']);
  // As routers do. A packet that came in would else take the way that the node's own is to have.
  await iptables(['-A', 'INPUT', '-i', 'outside', '-j', 'DROP']);
  await iptables(['-P', 'FORWARD', 'DROP']);
  await iptables(['-A', 'FORWARD', '-i', 'inside', '-j', 'ACCEPT']);
  await iptables(['-A', 'FORWARD', '-m', 'conntrack', '--ctstate', 'RELATED,ESTABLISHED', '-j', 'ACCEPT']);
  return { outer, inner, iptables };
}

async function batch(space: string, lines: readonly string[]): Promise<void> {
  await must('ip', ['-n', space, '-batch', '-'], { input: `${lines.join('\n')}\n` });
}
