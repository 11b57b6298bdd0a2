import { execFile } from 'node:child_process';
import { existsSync } from 'node:fs';
import { mkdir, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { ZkClient } from '../../src/kv/zookeeper/zk-client.ts';
import { freePorts } from '../free-ports.ts';
import { ServerProcess, type StoreMember, type StoreServers, serverFolder } from './process.ts';

const run = promisify(execFile);

/** Debian's libzookeeper-java and what its server needs of the packages that come with it. */
const JARS = [
  ...['zookeeper', 'zookeeper-jute', 'slf4j-api', 'slf4j-simple', 'snappy-java', 'metrics-core', 'commons-cli'],
  ...['netty-all', 'netty-buffer', 'netty-codec', 'netty-common', 'netty-handler', 'netty-resolver', 'netty-transport'],
  ...['jackson-annotations', 'jackson-core', 'jackson-databind', 'commons-io'],
].map((name) => `/usr/share/java/${name}.jar`);

const JAVA = [
  '-Xmx96m',
  '-Xss256k',
  '-XX:+UseSerialGC',
  '-XX:TieredStopAtLevel=1',
  '-Dorg.slf4j.simpleLogger.defaultLogLevel=warn',
];

/** Files of a server that speaks TLS alone: its certificate with its key, and the client certificates that it takes. */
export interface ZooKeeperTls {
  readonly keyStore: string;
  readonly trustStore: string;
}

/** Members of one ZooKeeper on this machine. */
export async function startZooKeeper(
  count: number,
  tls?: (folder: string) => Promise<ZooKeeperTls>,
): Promise<StoreServers & { readonly folder: string }> {
  const folder = await serverFolder('zookeeper');
  const files = await tls?.(folder.path);
  const ports = await freePorts(3 * count);
  const peers = Array.from(
    { length: count },
    (_, i) => `server.${i + 1}=127.0.0.1:${ports[count + i]}:${ports[2 * count + i]}`,
  );
  const members = await Promise.all(
    Array.from({ length: count }, async (_, i): Promise<StoreMember> => {
      const [port, data] = [ports[i] ?? 0, join(folder.path, `m${i}`)];
      await mkdir(data);
      await writeFile(join(data, 'myid'), `${i + 1}`);
      const lines = [
        ...['tickTime=250', 'initLimit=80', 'syncLimit=20', 'minSessionTimeout=1000', 'maxSessionTimeout=60000'],
        ...[`dataDir=${data}`, ...listening(port, files), 'admin.enableServer=false'],
        ...['forceSync=no', 'maxClientCnxns=0', 'preAllocSize=1024', ...(count > 1 ? peers : [])],
      ];
      await writeFile(join(folder.path, `m${i}.cfg`), lines.join('\n'));
      const main = 'org.apache.zookeeper.server.quorum.QuorumPeerMain';
      const classes = ['-cp', JARS.filter((jar) => existsSync(jar)).join(':'), main, join(folder.path, `m${i}.cfg`)];
      const process = new ServerProcess('java', [...JAVA, `-Djava.io.tmpdir=${folder.path}`, ...classes]);
      process.start();
      return { port, process };
    }),
  );
  const servers = {
    members,
    folder: folder.path,
    hosts: members.map(({ port }) => `127.0.0.1:${port}`).join(','),
    ready: async ({ port, process }: StoreMember) => {
      await process.ready(async () => {
        if (files) return await isListening(port);
        const client = new ZkClient({ servers: [{ host: '127.0.0.1', port }], prefix: '' }, 5_000);
        try {
          await client.sync('/');
          return true;
        } finally {
          await client.session.close();
        }
      });
    },
    close: async () => {
      for (const { process } of members) await process.kill();
      await folder.remove();
    },
  };
  for (const member of members) await servers.ready(member);
  return servers;
}

function listening(port: number, files: ZooKeeperTls | undefined): readonly string[] {
  if (!files) return [`clientPort=${port}`, 'clientPortAddress=127.0.0.1'];
  return [
    ...[`secureClientPort=${port}`, 'secureClientPortAddress=127.0.0.1'],
    'serverCnxnFactory=org.apache.zookeeper.server.NettyServerCnxnFactory',
    ...[`ssl.keyStore.location=${files.keyStore}`, 'ssl.keyStore.type=PEM'],
    ...[`ssl.trustStore.location=${files.trustStore}`, 'ssl.trustStore.type=PEM', 'ssl.clientAuth=need'],
  ];
}

async function isListening(port: number): Promise<boolean> {
  return (await run('ss', ['-tln'])).stdout.includes(`:${port} `);
}
