import { once } from 'node:events';
import { writeFile } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import type { Duplex } from 'node:stream';
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, onTestFinished, test } from 'vitest';
import { Cluster } from '../../src/cluster/cluster.ts';
import { systemClock } from '../../src/common/clock.ts';
import { run } from '../../src/common/command.ts';
import { silentLogger } from '../../src/common/logger.ts';
import { type Entry, parseEntry, type SshEntry } from '../../src/discovery/entry.ts';
import { EngineClient } from '../../src/engine/client.ts';
import { sshConnector } from '../../src/engine/connectors/ssh.ts';
import type { ContainerSummary } from '../../src/engine/types.ts';
import { clientPath, type Lab, type LabNode, startLab } from '../../src/lab/lab.ts';
import { Accounting } from '../../src/monitor/accounting.ts';
import { Membership } from '../../src/monitor/membership.ts';
import { DEFAULT_TIMES } from '../../src/monitor/times.ts';
import { waitFor } from '../../src/namespaces/processes.ts';
import { SshConnection } from '../../src/ssh/connection.ts';
import type { SshEnvironment } from '../../src/ssh/files.ts';
import { resolveTarget } from '../../src/ssh/target.ts';
import { ListBackend } from '../fakes/list-backend.ts';
import { keygen, startSshd, type TestSshd } from './sshd.ts';

let lab: Lab;
let node: LabNode;

beforeAll(async () => {
  lab = await startLab({ nodes: [{ name: 'shell' }], tls: false });
  node = lab.node('shell');
  await node.load(['busybox']);
  await node.docker(['run', '-d', '--name', 'idle', 'busybox', 'sleep', '3600']);
});

afterAll(async () => {
  await lab?.close();
});

/** How an sshd lets streams reach the engine: it forwards to its socket, or only runs the docker CLI. */
const WAYS = [
  { way: 'the socket', lines: [] as string[] },
  { way: 'docker system dial-stdio', lines: ['AllowStreamLocalForwarding no'] },
  { way: 'docker system dial-stdio, few at a time', lines: ['AllowStreamLocalForwarding no', 'MaxSessions 3'] },
];

async function sshd(lines: readonly string[] = []): Promise<TestSshd> {
  const docker = await clientPath('docker', node.generation);
  const path = `${dirname(docker.command)}:/usr/bin:/bin`;
  return startSshd([...lines, `SetEnv DOCKER_HOST=unix://${node.socketPath} PATH=${path}`]);
}

function clientOf(server: TestSshd, environment: SshEnvironment = server.environment): EngineClient {
  const entry = parseEntry(`ssh://${server.user}@127.0.0.1:${server.port}`) as SshEntry;
  const connector = sshConnector(entry, { environment, socketPath: node.socketPath });
  return new EngineClient(connector, { connections: connector.maxConnections ?? 0 });
}

function names(client: EngineClient): Promise<string[]> {
  return client
    .json<ContainerSummary[]>({ method: 'GET', path: '/containers/json' })
    .then((listed) => listed.flatMap((container) => container.Names ?? []));
}

/** Opens a hijacked exec of `cat` with a stdin. */
async function execCat(client: EngineClient): Promise<{ readonly socket: Duplex; readonly first: Buffer }> {
  const body = JSON.stringify({ AttachStdin: true, AttachStdout: true, Cmd: ['cat'] });
  const exec = await client.json<{ Id: string }>({ method: 'POST', path: '/containers/idle/exec', body });
  const start = JSON.stringify({ Detach: false, Tty: false });
  const exchange = await client.open({
    method: 'POST',
    path: `/exec/${exec.Id}/start`,
    headers: {
      Connection: 'Upgrade',
      Upgrade: 'tcp',
      'Content-Type': 'application/json',
      'Content-Length': `${start.length}`,
    },
    body: start,
  });
  expect(exchange.statusCode).toBe(101);
  return { socket: exchange.socket, first: exchange.rest };
}

/** The payloads of the engine's multiplexed stream: frames of an 8-byte header and data. */
function payload(stream: Buffer): string {
  let text = '';
  for (let at = 0; at + 8 <= stream.length; at += 8 + stream.readUInt32BE(at + 4))
    text += stream.toString('latin1', at + 8, at + 8 + stream.readUInt32BE(at + 4));
  return text;
}

async function readToEnd(socket: Duplex, first: Buffer): Promise<Buffer> {
  const chunks = [first];
  socket.on('data', (chunk: Buffer) => chunks.push(chunk)).resume();
  await once(socket, 'end');
  return Buffer.concat(chunks);
}

describe.each(WAYS)('an engine reached through $way', ({ lines }) => {
  let server: TestSshd;
  let client: EngineClient;

  beforeAll(async () => {
    server = await sshd(lines);
    client = clientOf(server);
  });
  afterEach(() => server.mend());
  afterAll(async () => {
    await client?.close();
    await server?.[Symbol.asyncDispose]();
  });

  test('lists, many calls at once', async () => {
    const lists = await Promise.all(Array.from({ length: 24 }, () => names(client)));
    expect(new Set(lists.map((list) => list.join()))).toEqual(new Set(['/idle']));
  });

  test('hijacks: what comes after our end of input still arrives', async () => {
    const { socket, first } = await execCat(client);
    const sent = 'x'.repeat(300_000);
    socket.end(sent);
    expect(payload(await readToEnd(socket, first))).toBe(sent);
    socket.destroy();
  });

  test('carries more streams than one connection may run commands', async () => {
    const streams = await Promise.all(Array.from({ length: 14 }, () => execCat(client)));
    const answers = streams.map(({ socket, first }, index) => {
      socket.end(`stream ${index}`);
      return readToEnd(socket, first);
    });
    expect((await Promise.all(answers)).map(payload)).toEqual(streams.map((_, index) => `stream ${index}`));
    for (const { socket } of streams) socket.destroy();
  });

  test('a lost connection fails what runs on it and is made anew', async () => {
    const { socket } = await execCat(client);
    const lost = new Promise((resolve) => socket.once('close', resolve));
    await server.dropConnections();
    await lost;
    expect(await waitFor('reconnect', () => names(client).catch(() => undefined))).toEqual(['/idle']);
  });

  test('a restarted sshd is found again', async () => {
    await server.stop();
    await waitFor('failure', () =>
      names(client).then(
        () => false,
        () => true,
      ),
    );
    await server.start();
    expect(await waitFor('reconnect', () => names(client).catch(() => undefined))).toEqual(['/idle']);
  });

  test('leaves no stream behind once closed', async () => {
    const one = clientOf(server);
    await names(one);
    const { socket } = await execCat(one);
    await one.close();
    await one.close();
    expect(socket.destroyed).toBe(true);
    await expect(names(one)).rejects.toThrow();
  });
});

test('is a node like any other: watched by its events, and back after its connection was lost', async () => {
  await using server = await sshd();
  const shared = { clock: systemClock, logger: silentLogger(), accounting: new Accounting(systemClock) };
  const cluster = new Cluster(shared);
  const deps = {
    ...shared,
    cluster,
    backend: new ListBackend([`ssh://${server.user}@127.0.0.1:${server.port}`]),
    connect: async (entry: Entry) =>
      sshConnector(entry as SshEntry, { environment: server.environment, socketPath: node.socketPath }),
  };
  const membership = new Membership(deps, DEFAULT_TIMES);
  membership.start();
  try {
    await waitFor('a healthy node', () => cluster.healthyNodes().length === 1);
    await node.docker(['create', '--name', 'seen', 'busybox']);
    onTestFinished(async () => void (await node.docker(['rm', 'seen'])));
    await waitFor('seen', () => cluster.findContainer('seen') !== undefined);
    await server.stop();
    await waitFor('an unhealthy node', () => cluster.nodes[0]?.state === 'Unhealthy');
    await node.docker(['rm', 'seen']);
    await server.start();
    await waitFor('a healthy node', () => cluster.healthyNodes().length === 1);
    expect([...cluster.containerList].map(({ name }) => name)).toEqual(['idle']);
  } finally {
    await membership.close();
  }
});

test('a silent connection is given up, and the next call makes another', async () => {
  await using server = await sshd();
  const client = clientOf(server);
  const { socket } = await execCat(client);
  const lost = new Promise((resolve) => socket.once('close', resolve));
  await server.freezeConnections();
  await lost;
  expect(await waitFor('reconnect', () => names(client).catch(() => undefined))).toEqual(['/idle']);
  await client.close();
});

test('the exit code of a command is known when its stream closes', async () => {
  await using server = await sshd();
  const destination = { host: '127.0.0.1', port: server.port, user: server.user };
  const connection = await SshConnection.open(await resolveTarget(destination, server.environment));
  try {
    for (let round = 0; round < 5; round += 1) {
      const streams = await Promise.all(
        ['echo out; exit 3', 'exit 0', 'cat; exit 5', 'kill -9 $$'].map((command) => connection.exec(command)),
      );
      const exits = streams.map(async (stream) => {
        stream.on('error', () => undefined).resume();
        stream.end('input');
        await new Promise((resolve) => stream.once('close', resolve));
        return stream.exit;
      });
      expect(await Promise.all(exits)).toEqual([3, 0, 5, 'SIGKILL']);
    }
  } finally {
    await connection.close();
  }
});

test('a stopped engine is named as such', async () => {
  await using server = await startSshd(['SetEnv DOCKER_HOST=unix:///nowhere.sock']);
  const entry = parseEntry(`ssh://${server.user}@127.0.0.1:${server.port}`) as SshEntry;
  const client = new EngineClient(
    sshConnector(entry, { environment: server.environment, socketPath: '/nowhere.sock' }),
  );
  await expect(names(client)).rejects.toThrow(/docker/i);
  await client.close();
});

describe('a host that cannot be trusted or does not trust us', () => {
  let server: TestSshd;

  beforeAll(async () => {
    server = await sshd();
  });
  beforeEach(() => writeFile(join(server.folder, 'known_hosts'), server.knownHost));
  afterAll(async () => {
    await server?.[Symbol.asyncDispose]();
  });

  async function failure(prepare: () => Promise<unknown>, environment?: SshEnvironment): Promise<string> {
    await prepare();
    const client = clientOf(server, environment);
    const error: unknown = await names(client).then(
      () => 'no error',
      (reason: unknown) => reason,
    );
    await client.close();
    return String(error);
  }

  test('unknown: says how to make it known', async () => {
    const message = await failure(() => writeFile(join(server.folder, 'known_hosts'), ''));
    expect(message).toContain(`the host key of [127.0.0.1]:${server.port} (ssh-ed25519 SHA256:`);
    expect(message).toContain(`ssh-keyscan -p ${server.port} 127.0.0.1 >> ${server.folder}/known_hosts`);
  });

  test('its advice works, hashed too', async () => {
    const file = join(server.folder, 'known_hosts');
    const scan = await run('ssh-keyscan', ['-H', '-p', `${server.port}`, '127.0.0.1']);
    await writeFile(file, scan.stdout);
    const client = clientOf(server);
    expect(await names(client)).toEqual(['/idle']);
    await client.close();
  });

  test('changed: warns', async () => {
    const other = join(server.folder, 'other');
    await keygen('-t', 'ed25519', '-f', other);
    const key = (await run('cut', ['-d', ' ', '-f', '1,2', `${other}.pub`])).stdout.trim();
    const line = `[127.0.0.1]:${server.port} ${key}\n`;
    const message = await failure(() => writeFile(join(server.folder, 'known_hosts'), line));
    expect(message).toContain('possibly a man-in-the-middle attack');
    expect(message).toContain(`ssh-keygen -f ${server.folder}/known_hosts -R '[127.0.0.1]:${server.port}'`);
  });

  test('wrong key: says what was tried', async () => {
    await using stranger = await startSshd();
    await writeFile(join(stranger.folder, 'known_hosts'), server.knownHost);
    const message = await failure(async () => undefined, stranger.environment);
    expect(message).toContain(`SSH to ${server.user}@127.0.0.1:${server.port}: 1 key refused`);
  });

  test('the agent is used', async () => {
    await using stranger = await startSshd();
    await writeFile(join(stranger.folder, 'known_hosts'), server.knownHost);
    const agent = join(stranger.folder, 'agent.sock');
    const { stdout } = await run('ssh-agent', ['-a', agent]);
    const pid = Number(/SSH_AGENT_PID=(\d+)/.exec(stdout)?.[1]);
    try {
      await run('ssh-add', ['-q', join(server.folder, 'id_ed25519')], { env: { SSH_AUTH_SOCK: agent } });
      const client = clientOf(server, { ...stranger.environment, agent });
      expect(await names(client)).toEqual(['/idle']);
      await client.close();
    } finally {
      process.kill(pid);
    }
  });
});
