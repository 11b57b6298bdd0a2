import { execFile } from 'node:child_process';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { freePorts } from '../free-ports.ts';
import { ServerProcess, type StoreMember, type StoreServers, serverFolder } from './process.ts';

const run = promisify(execFile);

/** Members of one etcd on this machine. */
export interface EtcdServers extends StoreServers {
  readonly folder: string;
  ready(member?: StoreMember): Promise<void>;
  /** The member that leads. */
  leader(): Promise<StoreMember>;
  post(path: string, body: unknown): Promise<Record<string, unknown>>;
}

/** Flags of a member's TLS for clients: `{ cert, key, ca }` are files. */
export interface EtcdTls {
  readonly cert: string;
  readonly key: string;
  readonly clientCa?: string;
}

export async function startEtcd(count: number, tls?: (folder: string) => Promise<EtcdTls>): Promise<EtcdServers> {
  const folder = await serverFolder('etcd');
  const files = await tls?.(folder.path);
  const scheme = files ? 'https' : 'http';
  const ports = await freePorts(2 * count);
  const peer = (i: number): string => `http://127.0.0.1:${ports[count + i]}`;
  const cluster = Array.from({ length: count }, (_, i) => `m${i}=${peer(i)}`).join(',');
  const members = Array.from({ length: count }, (_, i): StoreMember => {
    const port = ports[i] ?? 0;
    const own = `${scheme}://127.0.0.1:${port}`;
    const process = new ServerProcess('etcd', [
      ...['--name', `m${i}`, '--data-dir', join(folder.path, `m${i}`), '--logger', 'zap'],
      ...['--listen-client-urls', own, '--advertise-client-urls', own],
      ...['--listen-peer-urls', peer(i), '--initial-advertise-peer-urls', peer(i)],
      ...['--initial-cluster', cluster, '--initial-cluster-token', folder.path],
      ...(files ? ['--cert-file', files.cert, '--key-file', files.key] : []),
      ...(files?.clientCa ? ['--client-cert-auth', '--trusted-ca-file', files.clientCa] : []),
    ]);
    process.start();
    return { port, process };
  });
  const post = async (
    member: StoreMember | undefined,
    path: string,
    body: unknown,
  ): Promise<Record<string, unknown>> => {
    const init = { method: 'POST', body: JSON.stringify(body), signal: AbortSignal.timeout(30_000) };
    const answer = await fetch(`http://127.0.0.1:${member?.port}${path}`, init);
    const read = (await answer.json()) as Record<string, unknown>;
    if (!answer.ok) throw new Error(`${path}: ${JSON.stringify(read)}`);
    return read;
  };
  const isReady = async (member: StoreMember | undefined): Promise<boolean> => {
    if (files) return (await run('ss', ['-tln'])).stdout.includes(`127.0.0.1:${member?.port} `);
    return (await post(member, '/v3/kv/range', { key: 'YQ==' })).header !== undefined;
  };
  const servers: EtcdServers = {
    members,
    folder: folder.path,
    hosts: members.map(({ port }) => `127.0.0.1:${port}`).join(','),
    ready: async (member = members[0]) => await member?.process.ready(() => isReady(member)),
    leader: async () => {
      for (;;) {
        for (const member of members) {
          const status = await post(member, '/v3/maintenance/status', {}).catch(() => undefined);
          const { header, leader } = (status ?? {}) as { header?: { member_id: string }; leader?: string };
          if (header !== undefined && header.member_id === leader) return member;
        }
        await new Promise((resolve) => setTimeout(resolve, 100));
      }
    },
    post: (path, body) => post(members[0], path, body),
    close: async () => {
      for (const { process } of members) await process.kill();
      await folder.remove();
    },
  };
  for (const member of members) await servers.ready(member);
  return servers;
}
