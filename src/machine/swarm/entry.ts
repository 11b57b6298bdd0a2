import { backendName } from '../../discovery/discovery.ts';
import type { EngineSettings, MachineRecord, SwarmSettings } from '../record.ts';

/** Backends whose engines are written down by hand; engines do not register there. */
const LISTS: ReadonlySet<string> = new Set(['nodes', 'file']);

/** Whether an agent registers the machine's engine. */
export function hasAgent({ isMember, discovery }: Pick<SwarmSettings, 'isMember' | 'discovery'>): boolean {
  return isMember && !LISTS.has(backendName(discovery));
}

/** Name of a machine's agent that dials, as entries have it. */
export function agentEntry({ name }: Pick<MachineRecord, 'name'>): string {
  return `agent://${name}`;
}

/** What is told to others: `--swarm-addr`, else the machine's address; `port` only where none is given. */
export function advertised({ addr }: Pick<SwarmSettings, 'addr'>, ip: string, port: number): string {
  const host = addr ?? ip;
  if (/^\[.*\]:\d+$|^[^:]+:\d+$/.test(host)) return host;
  return host.includes(':') && !host.startsWith('[') ? `[${host}]:${port}` : `${host}:${port}`;
}

/** The engine's port: an engine that was there before is where its URL says. */
export function enginePort({
  address,
  engine,
}: {
  readonly address?: MachineRecord['address'];
  readonly engine: EngineSettings;
}): number {
  return Number(/^tcp:.*:(\d+)\/?$/.exec(address?.url ?? '')?.[1] ?? engine.port);
}

/** The entry that the machine's agent registers; undefined where it has none, or no address yet. */
export function entryOf(record: MachineRecord): string | undefined {
  const { swarm, address } = record;
  if (swarm === undefined || !hasAgent(swarm)) return undefined;
  if (swarm.isMesh) return agentEntry(record);
  if (address?.ip === undefined && swarm.addr === undefined) return undefined;
  return advertised(swarm, address?.ip ?? '', enginePort(record));
}

/** Options of `enxame join` that are meant for the agent that ends strict containers. */
export function isOfFence(option: string): boolean {
  return /^(--)?fence-/.test(option);
}
