import { randomBytes } from 'node:crypto';
import { tlsClientOptions } from '../../common/tls-files.ts';
import { EtcdMembers } from '../../kv/etcd/etcd-members.ts';
import type { MachineRecord } from '../record.ts';
import type { StoredMachine } from '../store.ts';
import { advertised } from '../swarm/entry.ts';
import { clientFiles } from '../trust.ts';
import { ETCD_PORTS } from './own-store.ts';
import type { Master, Member } from './plan.ts';
import { hostOf } from './role.ts';

/** The servers of the masters' store, seen with the certificate of the person. The caller closes it. */
export class Servers {
  readonly #members: EtcdMembers;
  readonly #open: (host: string) => EtcdMembers;

  private constructor(hosts: readonly string[], open: (hosts: readonly string[]) => EtcdMembers) {
    this.#members = open(hosts);
    this.#open = (host) => open([host]);
  }

  /** Asks those at the hosts, with the certificate for a machine of the cluster. */
  static async at(hosts: readonly string[], machine: StoredMachine): Promise<Servers> {
    const files = await clientFiles(machine);
    const tls =
      files &&
      tlsClientOptions({ ca: Buffer.from(files.ca), cert: Buffer.from(files.cert), key: Buffer.from(files.key) });
    return new Servers(
      hosts,
      (some) =>
        new EtcdMembers({
          servers: some.map((host) => ({ host, port: ETCD_PORTS.client })),
          prefix: '',
          ...(tls && { tls }),
        }),
    );
  }

  /** Changes of the servers. */
  get changes(): Pick<EtcdMembers, 'add' | 'promote' | 'remove' | 'move'> {
    return this.#members;
  }

  /** All of them, and whether each answers. Rejects with `STORE_UNAVAILABLE` when none does. */
  async look(signal: AbortSignal): Promise<readonly Member[]> {
    const members = await this.#members.list(signal);
    return await Promise.all(
      members.map(async (member) => ({
        ...member,
        isHealthy: member.name !== '' && (await this.isHealthy(hostIn(member.peerUrl), signal)),
      })),
    );
  }

  /** Whether the server at a host answers, and has a leader. */
  async isHealthy(host: string, signal: AbortSignal): Promise<boolean> {
    const one = this.#open(host);
    try {
      return await one.isHealthy(signal);
    } finally {
      await one.close();
    }
  }

  async close(): Promise<void> {
    await this.#members.close();
  }
}

/** A master as the plan of the servers wants it; undefined without an address or a server of its own. */
export function toMaster(record: MachineRecord): Master | undefined {
  const host = hostOf(record);
  if (host === undefined || record.etcd === undefined) return undefined;
  return { machine: record.name, server: record.etcd.name, peerUrl: peerUrlOf(host) };
}

/** `https://10.0.0.1:2380`. */
export function peerUrlOf(host: string): string {
  return `https://${advertised({}, host, ETCD_PORTS.peer)}`;
}

/** A name for a new server of a machine; data of an earlier one is never taken for its own. */
export function newServerName(machine: string): string {
  return `${machine}-${randomBytes(4).toString('hex')}`;
}

function hostIn(peerUrl: string): string {
  return URL.canParse(peerUrl) ? new URL(peerUrl).hostname.replace(/^\[(.*)\]$/, '$1') : '';
}
