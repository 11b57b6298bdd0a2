import { createHash } from 'node:crypto';
import { readFile } from 'node:fs/promises';
import { isIPv6 } from 'node:net';
import { join } from 'node:path';
import type { EtcdSpec, Provisioner } from '../../provision/provisioner.ts';
import type { MachineRecord } from '../record.ts';
import type { StoredMachine } from '../store.ts';
import { advertised } from '../swarm/entry.ts';
import { ETCD_PORTS } from './own-store.ts';
import { hostOf } from './role.ts';
import { peerUrlOf } from './servers.ts';

/** What a cluster's store may take of each master's disk, in bytes; records of ten thousand containers take some hundred megabytes. */
const QUOTA_BYTES = 2 * 1024 ** 3;
/** Masters stand at several providers: a server is missed after two seconds, in milliseconds. */
const [BEAT_MS, ELECTION_MS] = [200, 2_000];

/** The server that a master is to run. */
export async function etcdSpecOf(
  { record, tlsFolder }: StoredMachine,
  { certificatePaths: files }: Pick<Provisioner, 'certificatePaths'>,
  isFounder: boolean,
): Promise<EtcdSpec> {
  // Certificates are read at each connection, their authority at the start only.
  const authority = await readFile(join(tlsFolder, 'ca.pem'), 'utf8').catch(() => '');
  return {
    name: record.etcd?.name ?? '',
    flags: flagsOf(record, files),
    ports: Object.values(ETCD_PORTS),
    isFounder,
    edition: createHash('sha256').update(authority).digest('hex').slice(0, 16),
  };
}

function flagsOf(record: MachineRecord, files: Provisioner['certificatePaths']): readonly string[] {
  const host = hostOf(record) ?? '';
  const any = isIPv6(host) ? '[::]' : '0.0.0.0';
  const { cluster = '', token = '' } = record.etcd ?? {};
  return [
    `--listen-client-urls=https://${any}:${ETCD_PORTS.client}`,
    `--advertise-client-urls=https://${advertised({}, host, ETCD_PORTS.client)}`,
    `--listen-peer-urls=https://${any}:${ETCD_PORTS.peer}`,
    `--initial-advertise-peer-urls=${peerUrlOf(host)}`,
    `--initial-cluster=${cluster}`,
    `--initial-cluster-token=${token}`,
    ...[`--cert-file=${files.cert}`, `--key-file=${files.key}`, `--trusted-ca-file=${files.ca}`, '--client-cert-auth'],
    `--peer-cert-file=${files.cert}`,
    `--peer-key-file=${files.key}`,
    `--peer-trusted-ca-file=${files.ca}`,
    '--peer-client-cert-auth',
    // Behind address translation a master comes from an address that its certificate does not name; its authority is asked all the same.
    '--experimental-peer-skip-client-san-verification',
    ...[`--heartbeat-interval=${BEAT_MS}`, `--election-timeout=${ELECTION_MS}`],
    ...['--auto-compaction-mode=periodic', '--auto-compaction-retention=1h', '--snapshot-count=10000'],
    ...[`--quota-backend-bytes=${QUOTA_BYTES}`, '--logger=zap', '--log-level=warn'],
  ];
}
