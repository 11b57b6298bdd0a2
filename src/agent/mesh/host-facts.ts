import { writeFile } from 'node:fs/promises';
import { must } from '../../common/command.ts';

const COMMAND_MS = 20_000;
const MOST = 2_000;

export interface HostFacts {
  /** IPv4 addresses of interfaces that are up, without loopback and the mesh. */
  readonly addresses: readonly string[];
  /** CIDRs of routes, without the default ones and those of the mesh. */
  readonly routes: readonly string[];
}

type Link = {
  readonly ifname: string;
  readonly addr_info?: readonly { readonly local?: string; readonly scope?: string }[];
};
type Route = { readonly dst?: string; readonly dev?: string };

/** Where this host is in its own networks. Rejects when iproute2 does not tell. */
export async function readHostFacts(name: string): Promise<HostFacts> {
  const [links, routes] = await Promise.all([
    json<Link[]>(['-j', '-4', 'address', 'show', 'up']),
    json<Route[]>(['-j', '-4', 'route', 'show']),
  ]);
  const addresses = links
    .filter(({ ifname }) => ifname !== name)
    .flatMap(({ addr_info }) =>
      (addr_info ?? []).flatMap(({ local, scope }) => (scope === 'global' ? (local ?? []) : [])),
    );
  const subnets = routes.flatMap(({ dst, dev }) =>
    dst === undefined || dst === 'default' || dev === name ? [] : dst.includes('/') ? dst : `${dst}/32`,
  );
  return { addresses: addresses.slice(0, 100), routes: [...new Set(subnets)].slice(0, MOST) };
}

async function json<T>(args: readonly string[]): Promise<T> {
  // Without any route it prints nothing.
  return JSON.parse((await must('ip', args, { timeoutMs: COMMAND_MS })).trim() || '[]') as T;
}

/** Lets the host pass packets on that come in by the mesh, and by nothing else. */
export async function forward(name: string): Promise<void> {
  await writeFile(`/proc/sys/net/ipv4/conf/${name}/forwarding`, '1');
}
