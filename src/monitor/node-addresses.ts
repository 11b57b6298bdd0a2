import { lookup } from 'node:dns/promises';
import { isIP } from 'node:net';
import { networkInterfaces } from 'node:os';
import type { Node } from '../cluster/node.ts';
import { canonicalIp } from '../scheduler/port-table.ts';

/** Engine label that names further addresses of a node, separated by commas: those that published ports may ask for. */
export const ADDRESSES_LABEL = 'io.enxame.addresses';
/** Engine label under which other engines reach it (`substrate/types.ts`). */
const ADDRESS_LABEL = 'io.enxame.address';

/**
 * The addresses a node's host is known to have: those the manager reaches it under, those it says in swarm mode and in engine
 * labels. An engine on the manager's own machine (loopback, unix socket) has that machine's. Never rejects.
 */
export async function knownAddresses({ address, labels, info }: Node): Promise<ReadonlySet<string>> {
  const reached = isIP(address) === 0 ? await resolved(address) : [address];
  const own = reached.some(isLoopback) ? ownAddresses() : [];
  const said = [info?.Swarm?.NodeAddr ?? '', labels.get(ADDRESS_LABEL) ?? '', ...listed(labels.get(ADDRESSES_LABEL))];
  const all = [...reached, ...own, ...said].filter((each) => isIP(each) !== 0 && !isLoopback(each));
  return new Set(all.map(canonicalIp));
}

function listed(label: string | undefined): readonly string[] {
  return (label ?? '').split(',').map((each) => each.trim());
}

async function resolved(host: string): Promise<readonly string[]> {
  const found = await lookup(host, { all: true }).catch(() => []);
  return found.map(({ address }) => address);
}

function isLoopback(address: string): boolean {
  return address === '::1' || address.startsWith('127.') || address.startsWith('::ffff:127.');
}

function ownAddresses(): readonly string[] {
  return Object.values(networkInterfaces()).flatMap((all) => (all ?? []).map(({ address }) => address));
}
