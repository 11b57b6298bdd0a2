import { must, run } from '../common/command.ts';
import { inNetwork, type Port, portName } from '../namespaces/network.ts';
import { namespaceName } from '../namespaces/paths.ts';
import { LabError } from './errors.ts';
import type { LinkQuality } from './types.ts';

/** Places every packet passes, also those of containers: before routing on the way in, after it on the way out. */
const lossHooks = [
  { table: 'raw', hook: ['PREROUTING', '-i', 'eth0'], chain: 'ENXAME-LOSS' },
  { table: 'mangle', hook: ['POSTROUTING', '-o', 'eth0'], chain: 'ENXAME-LOSS' },
] as const;

/** Makes a node's link slow, lossy or narrow in both directions. Replaces an earlier quality. */
export async function degradeLink(port: Port, quality: LinkQuality): Promise<void> {
  await restoreLink(port);
  try {
    if (!(await applyNetem(port, quality))) await applyWithoutNetem(port, quality);
  } catch (error) {
    await restoreLink(port);
    throw error;
  }
}

/** Ends {@link degradeLink}; does nothing to a good link. */
export async function restoreLink(port: Port): Promise<void> {
  // What was not set cannot be removed: failures are expected.
  for (const [space, device] of linkEnds(port)) await run('tc', ['-n', space, 'qdisc', 'del', 'dev', device, 'root']);
  for (const { table, hook, chain } of lossHooks) {
    for (const args of [
      ['-D', ...hook, '-j', chain],
      ['-F', chain],
      ['-X', chain],
    ])
      await iptables(run, port, table, args);
  }
}

/** False if the kernel has no netem. */
async function applyNetem(port: Port, { delayMs, lossPercent, rateKbit }: LinkQuality): Promise<boolean> {
  const args = ['netem'];
  if (delayMs !== undefined) args.push('delay', `${delayMs}ms`);
  if (lossPercent !== undefined) args.push('loss', `${lossPercent}%`);
  if (rateKbit !== undefined) args.push('rate', `${rateKbit}kbit`);
  for (const [space, device] of linkEnds(port)) {
    const { exitCode, stderr } = await run('tc', ['-n', space, 'qdisc', 'add', 'dev', device, 'root', ...args]);
    if (exitCode !== 0 && /unknown/.test(stderr)) return false;
    if (exitCode !== 0) throw new LabError(`slow ${port.node}: tc: ${stderr.trim()}`);
  }
  return true;
}

/** Small kernels lack netem: a token bucket narrows the link, the node's own firewall loses packets. Nothing there delays. */
async function applyWithoutNetem(port: Port, { delayMs, lossPercent, rateKbit }: LinkQuality): Promise<void> {
  if (delayMs !== undefined) {
    throw new LabError(
      `slow ${port.node}: this kernel has no sch_netem, so only rateKbit and lossPercent work`,
      'LAB_NO_NETEM',
    );
  }
  if (rateKbit !== undefined) {
    const bucket = ['tbf', 'rate', `${rateKbit}kbit`, 'burst', '16kb', 'latency', '400ms'];
    for (const [space, device] of linkEnds(port))
      await must('tc', ['-n', space, 'qdisc', 'add', 'dev', device, 'root', ...bucket]);
  }
  if (lossPercent === undefined) return;
  const random = ['-m', 'statistic', '--mode', 'random', '--probability', String(lossPercent / 100)];
  for (const { table, hook, chain } of lossHooks) {
    for (const args of [
      ['-N', chain],
      ['-A', chain, ...random, '-j', 'DROP'],
      ['-I', ...hook, '-j', chain],
    ]) {
      await iptables(must, port, table, args);
    }
  }
}

async function iptables(
  runner: (command: string, args: readonly string[]) => Promise<unknown>,
  port: Port,
  table: string,
  args: readonly string[],
): Promise<void> {
  await runner('nsenter', [...inNetwork(port.run, port.node), 'iptables', '-t', table, ...args]);
}

function linkEnds(port: Port): (readonly [string, string])[] {
  return [
    [namespaceName(port.run), portName(port.index)],
    [namespaceName(port.run, port.node), 'eth0'],
  ];
}
