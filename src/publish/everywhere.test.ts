import { createSocket, type Socket } from 'node:dgram';
import { once } from 'node:events';
import { mkdir, rm, stat } from 'node:fs/promises';
import net, { type AddressInfo, connect, createServer, type Server } from 'node:net';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { afterEach, beforeEach, describe, expect, test, vi } from 'vitest';
import { FakeClock } from '../../test/fakes/fake-clock.ts';
import { freePort } from '../../test/fakes/free-port.ts';
import { containerSummary, engineInfo, nowhere } from '../../test/fakes/model.ts';
import { waitUntil } from '../../test/fakes/wait.ts';
import { serveEngine } from '../agent/dial-out.ts';
import { NodePorts } from '../agent/node-ports.ts';
import { NodeSocket } from '../agent/node-socket.ts';
import type { PublishedPort } from '../agent/published-ports.ts';
import type { VisitDesk } from '../agent/visit-desk.ts';
import { Cluster } from '../cluster/cluster.ts';
import { Node } from '../cluster/node.ts';
import { silentLogger } from '../common/logger.ts';
import { readLine } from '../common/read-line.ts';
import { EngineClient } from '../engine/client.ts';
import { DialledAgents } from '../engine/dialled/dialled-agents.ts';
import { PORTS_PATH, type PortsAnswer, type Visit, type WantedPorts } from '../engine/dialled/visits.ts';
import type { Notice } from '../notify/notice.ts';
import { Connections } from '../relay/connections.ts';
import type { Target } from '../relay/target.ts';
import { Publisher } from './publisher.ts';
import type { Ring } from './ring.ts';
import { serveVisit, type VisitDeps } from './visit.ts';

/** For a busy machine. */
const PATIENCE_MS = 60_000;
const ENDPOINT = '127.0.0.1';
/** Of nodes: the containers are on the first, the agent on the second. */
const [FIRST, SECOND, THIRD] = ['127.0.0.2', '127.0.0.3', '127.0.0.4'];

const open: { close(): unknown }[] = [];

afterEach(async () => {
  for (const each of open.splice(0).reverse()) await each.close();
});

/** Says its name, and what it was sent. */
async function serve(name: string, host: string, port: number): Promise<Server> {
  const server = createServer({ allowHalfOpen: true }, (socket) => {
    let text = '';
    socket
      .on('error', () => undefined)
      .on('data', (bytes) => {
        text += bytes;
      });
    socket.once('end', () => socket.end(`${name} heard ${text}`));
  }).listen(port, host);
  await once(server, 'listening');
  open.push(server);
  return server;
}

function ask(host: string, port: number): Promise<string> {
  return new Promise((resolve) => {
    let text = '';
    const socket = connect({ host, port, allowHalfOpen: true });
    socket.once('error', (error) => resolve((error as NodeJS.ErrnoException).code ?? ''));
    socket.on('data', (bytes) => {
      text += bytes;
    });
    socket.once('end', () => resolve(text));
    socket.end('hello');
  });
}

const WAIT = { timeout: PATIENCE_MS };

/** The second node's port answers so by and by. */
async function answers(port: number, text: string): Promise<void> {
  await expect.poll(() => ask(SECOND, port), WAIT).toBe(text);
}

/** A manager that publishes everywhere, and the agent of the second node, which has dialled in. */
class World {
  readonly clock = new FakeClock();
  readonly cluster = new Cluster({ clock: this.clock, logger: silentLogger() });
  readonly agents = new DialledAgents(Date.now);
  readonly notices: Notice[] = [];
  /** Whether the agent is of a version that opens no UDP ports. */
  isOld = false;
  /** What the second node's engine publishes itself. */
  own: readonly PublishedPort[] = [];
  readonly stop = new AbortController();
  readonly socketPath = join(tmpdir(), `enxame-everywhere-${process.pid}-${Math.random()}`, 'cluster.sock');
  /** The manager's API, as far as it is asked here. */
  readonly api = createServer({ allowHalfOpen: true }, (socket) => {
    socket.on('error', () => undefined).on('data', (bytes) => socket.write(`api heard ${bytes}`));
    socket.once('end', () => socket.end());
  });
  readonly ports: NodePorts = new NodePorts(
    {
      published: {
        find: async (_, port) => this.own.find((each) => each.port === port),
        isAwaited: async () => false,
      },
      socket: new NodeSocket(this.socketPath),
    },
    SECOND,
  );
  readonly desk = this.ports.desk();
  readonly publisher: Publisher;
  readonly #nodes = [FIRST, SECOND].map((address, i) => {
    const node = new Node(`node-${i}:2375`, new EngineClient(nowhere()), address);
    this.cluster.addNode(node);
    this.cluster.setInfo(node, engineInfo(`node-${i}`, `id-${i}`));
    this.cluster.setState(node, 'Healthy', '');
    return node;
  });

  constructor(givesSocket: boolean) {
    const connectApi = async (): Promise<net.Socket> => {
      const { port } = this.api.address() as AddressInfo;
      const socket = connect({ port, host: ENDPOINT, allowHalfOpen: true });
      await once(socket, 'connect');
      return socket;
    };
    const isOwnHost = (): boolean => false;
    const tell = (notice: Notice): void => void this.notices.push(notice);
    this.publisher = new Publisher(
      {
        cluster: this.cluster,
        agents: this.agents,
        ...(givesSocket && { connectApi }),
        tell,
        isOwnHost,
        clock: this.clock,
        logger: silentLogger(),
      },
      { at: 'everywhere', host: ENDPOINT, limits: { total: 100, perPort: 100 } },
    );
    open.push(this.publisher, this.ports, { close: () => this.stop.abort() });
  }

  /** An agent's connection, and an engine that says only its ID. */
  async dial(id: string = 'second', desk: VisitDesk = this.desk): Promise<void> {
    const engine = createServer((socket) =>
      socket
        .on('error', () => undefined)
        .on('data', () => {
          const text = JSON.stringify({ ID: 'id-1', ApiVersion: '1.44' });
          const head = `HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nApi-Version: 1.44\r\nContent-Length: ${text.length}`;
          socket.write(`${head}\r\n\r\n${text}`);
        }),
    );
    const path = `\0enxame-everywhere-${process.pid}-${Math.random()}`;
    engine.listen(path);
    await once(engine, 'listening');
    const server = net.createServer({ allowHalfOpen: true }).listen(0, ENDPOINT);
    await once(server, 'listening');
    const socket = connect({ port: (server.address() as AddressInfo).port, host: ENDPOINT, allowHalfOpen: true });
    const [accepted] = (await once(server, 'connection')) as [net.Socket];
    server.close();
    open.push(engine);
    const answers = new Map([[PORTS_PATH, (asked: unknown) => this.#want(desk, asked as WantedPorts)]]);
    void serveEngine(socket, path, this.stop.signal, answers, desk);
    void this.agents.serve(id, accepted, '192.0.2.7', this.stop.signal);
  }

  #want(desk: VisitDesk, wanted: WantedPorts): Promise<PortsAnswer> {
    return this.ports.want(desk, this.isOld ? { ports: wanted.ports, socket: wanted.socket } : wanted);
  }

  /** The engine of a node lists a container. */
  list(
    index: number,
    id: string,
    port: number,
    Labels: Record<string, string> = {},
    Type: 'tcp' | 'udp' = 'tcp',
  ): string {
    const Ports = [{ IP: '0.0.0.0', PrivatePort: 80, PublicPort: port, Type }];
    const summary = containerSummary(id, { Ports, Labels });
    this.cluster.updateContainers(this.#nodes[index] as Node, [summary.Id], [summary]);
    return summary.Id;
  }

  problem(id: string): string | undefined {
    const container = this.cluster.findContainer(id);
    return container?.node.endpointPorts(container.engineId)?.problem;
  }
}

describe('ports at every node', () => {
  let world: World;
  let port: number;
  beforeEach(async () => {
    world = new World(false);
    port = await freePort();
    world.publisher.start();
    world.publisher.everywhere.start();
    await world.dial();
  });

  test('lead to the container while it runs, through the manager', { timeout: PATIENCE_MS }, async () => {
    const server = await serve('a', FIRST, port);
    const id = world.list(0, 'a', port);
    await world.publisher.settled(id);
    await answers(port, 'a heard hello');
    expect(await ask(ENDPOINT, port)).toBe('a heard hello');
    expect(world.problem(id)).toBeUndefined();
    // With the client's address at the agent.
    const labels = { 'io.enxame.proxy-protocol': 'v1' };
    world.cluster.removeContainer(world.cluster.node('id-0') as Node, id);
    await answers(port, 'ECONNREFUSED');
    const told = world.list(0, 'b', port, labels);
    await world.publisher.settled(told);
    await expect.poll(() => ask(SECOND, port), WAIT).toContain('heard');
    expect(await ask(SECOND, port)).toMatch(new RegExp(`a heard PROXY TCP4 127.0.0.1 ${SECOND} \\d+ ${port}\r\nhello`));
    expect(
      (await Promise.all(Array.from({ length: 80 }, () => ask(SECOND, port)))).filter(
        (text) => !text.includes('hello'),
      ),
    ).toEqual([]);
    await waitUntil(() => world.publisher.connections.size === 0, PATIENCE_MS);
    server.close();
    expect(await ask(SECOND, port)).toBe('ECONNRESET');
  });

  test('lead straight to a container where the agent has a way, for which the manager knows of it', {
    timeout: PATIENCE_MS,
  }, async () => {
    const { agents, clock } = world;
    await serve('a', FIRST, port);
    const target = { id: 'a', nodeId: 'id-0', host: FIRST, port, proxyProtocol: 'v1' } as const;
    const ring = { next: (tried: ReadonlySet<string>) => (tried.has('a') ? undefined : target) } as unknown as Ring;
    const connections = new Connections({ total: 10, perPort: 10 });
    const unreached: Target[] = [];
    let straight: ReturnType<VisitDeps['straight']> = { host: FIRST, port };
    const visit = async (): Promise<void> => {
      const stream = await agents.openVisit('second', PATIENCE_MS);
      const first = JSON.parse((await readLine(stream, 4_096)) ?? '') as Visit;
      await serveVisit(stream, first, {
        ringOf: () => ring,
        straight: () => straight,
        noteUnreached: (each) => void unreached.push(each),
        connections,
        clock,
      });
    };
    const door = createServer({ allowHalfOpen: true, pauseOnConnect: true }, (client) => {
      client.on('error', () => undefined);
      void world.desk.lead(client, 80);
    });
    door.listen(0, ENDPOINT);
    open.push(door);
    await once(door, 'listening');
    const own = (door.address() as AddressInfo).port;
    const first = visit();
    expect(await ask(ENDPOINT, own)).toMatch(/^a heard PROXY TCP4 127.0.0.1 127.0.0.1 \d+ \d+\r\nhello$/);
    await first;
    await waitUntil(() => connections.size === 0 && !connections.leadsTo('a'), PATIENCE_MS);
    expect(unreached).toEqual([]);
    // Nobody listens there: the manager carries it, and knows.
    straight = { host: SECOND, port: await freePort() };
    const second = visit();
    expect(await ask(ENDPOINT, own)).toMatch(/^a heard PROXY .*\r\nhello$/);
    await second;
    expect(unreached).toEqual([target]);
    await waitUntil(() => connections.size === 0 && !connections.leadsTo('a'), PATIENCE_MS);
  });

  test('go on when the manager orders what the agent does not know, or the agent says nonsense', {
    timeout: PATIENCE_MS,
  }, async () => {
    const led: Promise<void>[] = [];
    let lies = 1;
    const door = createServer({ allowHalfOpen: true, pauseOnConnect: true }, (client) => {
      client.on('error', () => undefined);
      Object.defineProperty(client, 'remoteAddress', { get: () => (lies-- > 0 ? 5 : '192.0.2.1') });
      led.push(world.desk.lead(client, port));
    });
    door.listen(0, ENDPOINT);
    open.push(door);
    await once(door, 'listening');
    const own = (door.address() as AddressInfo).port;
    const orders = ['5', 'null', '{}', '{"to":{"port":70000}}', `{"to":{"port":${port}},"header":5}`, '{"later":1}'];
    world.own = [{ host: FIRST, port }];
    await serve('a', FIRST, port);
    const answer = ask(ENDPOINT, own);
    for (const order of [...orders, '{"refused":true}']) {
      const stream = await world.agents.openVisit('second', PATIENCE_MS);
      await readLine(stream, 4_096);
      stream.write(`${order}\n`);
    }
    expect(await answer).toBe('ECONNRESET');
    lies = 1;
    const id = world.list(0, 'a', port, { 'io.enxame.proxy-protocol': 'v1' });
    await world.publisher.settled(id);
    await expect.poll(() => ask(ENDPOINT, own), WAIT).toMatch(/^a heard PROXY TCP4 192.0.2.1 .*\r\nhello$/);
    await Promise.all(led);
  });

  test('are told where another process has them, and opened when it leaves', { timeout: PATIENCE_MS }, async () => {
    await serve('a', FIRST, port);
    const other = await serve('other', SECOND, port);
    const id = world.list(0, 'a', port);
    await waitUntil(() => world.problem(id) !== undefined, PATIENCE_MS);
    expect(world.problem(id)).toBe(`${port}/tcp not at node-1 (another process has it)`);
    expect(world.notices).toMatchObject([{ event: 'port-unavailable', container: { id } }]);
    await new Promise((resolve) => other.close(resolve));
    world.clock.advance(6_000);
    await waitUntil(() => world.problem(id) === undefined, PATIENCE_MS);
    expect(await ask(SECOND, port)).toBe('a heard hello');
  });

  test('are told of in words that move no cursor, whatever an agent says', { timeout: PATIENCE_MS }, async () => {
    const find = (): never => {
      throw new Error('gone\u001b[2J');
    };
    world.own = { find } as unknown as typeof world.own;
    const id = world.list(0, 'a', port);
    await waitUntil(() => world.problem(id) !== undefined, PATIENCE_MS);
    expect(world.problem(id)).toBe(
      `${port}/tcp not at node-1 (its engine does not say whether it has it (gone\ufffd[2J))`,
    );
  });

  test('are the engine’s where that publishes them, and are left to it', { timeout: PATIENCE_MS }, async () => {
    await serve('a', FIRST, port);
    world.own = [{ host: SECOND, port }];
    const id = world.list(0, 'a', port);
    await world.publisher.settled(id);
    // It may be the copy that a move leaves behind.
    expect(world.problem(id)).toBeUndefined();
    const timer = setInterval(() => world.clock.advance(1_000), 5);
    await waitUntil(() => world.problem(id) !== undefined, PATIENCE_MS);
    clearInterval(timer);
    expect(world.problem(id)).toBe(`${port}/tcp not at node-1 (its engine publishes another one there)`);
    // A replica of it: nothing is amiss.
    const replica = world.list(1, 'b', port);
    await world.publisher.settled(replica);
    expect(world.problem(id)).toBeUndefined();
    // It leaves after a long time: its engine has the port for a moment yet.
    world.clock.advance(60_000);
    await world.publisher.everywhere.settled();
    const told = world.notices.length;
    world.cluster.removeContainer(world.cluster.node('id-1') as Node, replica);
    await world.publisher.everywhere.settled();
    expect([world.problem(id), world.notices.length]).toEqual([undefined, told]);
  });

  test('are told by the agent that has a right to its node, whatever others say', {
    timeout: PATIENCE_MS,
  }, async () => {
    await serve('a', FIRST, port);
    world.list(0, 'a', port);
    await answers(port, 'a heard hello');
    const { everywhere } = world.publisher;
    const holder = (): string | undefined => everywhere.doorOf(world.cluster.node('id-1') as Node)?.id;
    expect(holder()).toBe('second');
    // Both say that they have the second node's engine; one has its name.
    for (const id of ['liar', 'node-1']) {
      await world.dial(id, world.ports.desk());
      await everywhere.settled();
    }
    expect([everywhere.counts.agents, holder()]).toEqual([3, 'node-1']);
    expect(await ask(SECOND, port)).toBe('a heard hello');
  });

  test('close for an engine that is about to need them', { timeout: PATIENCE_MS }, async () => {
    await serve('a', FIRST, port);
    const id = world.list(0, 'a', port);
    await answers(port, 'a heard hello');
    const door = world.publisher.everywhere.doorOf(world.cluster.node('id-1') as Node);
    if (!door) throw new Error('the agent has no door');
    const own = containerSummary('c', { State: 'created' });
    world.cluster.updateContainers(world.cluster.node('id-1') as Node, [own.Id], [own]);
    await world.publisher.everywhere.makeRoom(door, [`${port}/tcp`, '1/tcp'], own.Id);
    expect(await ask(SECOND, port)).toBe('ECONNREFUSED');
    world.clock.advance(6_000);
    await door.sync();
    expect(await ask(SECOND, port)).toBe('ECONNREFUSED');
    // It was started, and has ended.
    world.cluster.removeContainer(world.cluster.node('id-1') as Node, own.Id);
    await door.sync();
    await answers(port, 'a heard hello');
    expect(world.problem(id)).toBeUndefined();
  });

  test('stay open while the manager is away, and connections wait for it', {
    timeout: PATIENCE_MS,
  }, async () => {
    await serve('a', FIRST, port);
    world.list(0, 'a', port);
    await answers(port, 'a heard hello');
    await world.publisher.everywhere.stop();
    world.ports.lose(world.desk);
    const waiting = ask(SECOND, port);
    await new Promise((resolve) => setImmediate(resolve));
    world.publisher.everywhere.start();
    expect(await waiting).toBe('a heard hello');
  });
});

/** Answers each datagram with its name before it. */
async function echo(name: string, host: string, port: number): Promise<Socket> {
  const socket = createSocket('udp4').bind(port, host);
  await once(socket, 'listening');
  socket.on('message', (datagram, from) => socket.send(`${name}:${datagram}`, from.port, from.address));
  open.push({ close: () => closed(socket) });
  return socket;
}

async function closed(socket: Socket): Promise<void> {
  await new Promise<void>((resolve) => {
    try {
      socket.close(() => resolve());
    } catch {
      resolve(); // It is.
    }
  });
}

/** A client of UDP; what it was sent, with where from. */
class UdpClient {
  readonly #socket = createSocket('udp4').bind(0, ENDPOINT);
  readonly got: string[] = [];

  constructor() {
    this.#socket.on(
      'message',
      (datagram, { address, port }) => void this.got.push(`${datagram} from ${address}:${port}`),
    );
    open.push({ close: () => closed(this.#socket) });
  }

  /** The first answer to a datagram, which is sent again until there is one. */
  async ask(text: string, host: string, port: number): Promise<string | undefined> {
    this.got.length = 0;
    await expect
      .poll(() => {
        if (this.got.length === 0) this.#socket.send(text, port, host);
        return this.got.length;
      }, WAIT)
      .toBeGreaterThan(0);
    return this.got[0];
  }
}

describe('UDP ports at every node', () => {
  let world: World;
  let port: number;
  let client: UdpClient;
  const FLOW = { address: '192.0.2.9', port: 5_353 };
  beforeEach(async () => {
    world = new World(false);
    port = await freePort();
    client = new UdpClient();
    world.publisher.start();
    world.publisher.everywhere.start();
    await world.dial();
  });

  test('lead to a container while it runs, beside TCP ports of the same number', { timeout: PATIENCE_MS }, async () => {
    const { publisher, cluster } = world;
    await echo('a', FIRST, port);
    await serve('tcp', FIRST, port);
    const both = containerSummary('a', {
      Ports: (['tcp', 'udp'] as const).map((Type) => ({ IP: '0.0.0.0', PrivatePort: 53, PublicPort: port, Type })),
    });
    const [first] = cluster.nodes as [Node];
    cluster.updateContainers(first, [both.Id], [both]);
    await publisher.settled(both.Id);
    expect(await client.ask('hello', SECOND, port)).toBe(`a:hello from ${SECOND}:${port}`);
    await answers(port, 'tcp heard hello');
    expect(world.problem(both.Id)).toBeUndefined();
    const flows = (): number => publisher.connections.size;
    await expect.poll(flows, WAIT).toBe(1);
    // It moves: the client's next datagram finds it.
    cluster.removeContainer(first, both.Id);
    const there = await freePort();
    await echo('b', FIRST, there);
    const id = world.list(0, 'b', there, {}, 'udp');
    await publisher.settled(id);
    expect(await client.ask('again', SECOND, there)).toBe(`b:again from ${SECOND}:${there}`);
    cluster.removeContainer(first, id);
    await publisher.everywhere.settled();
    // The numbers are free.
    for (const each of [port, there]) await closed(await echo('other', SECOND, each));
    await expect.poll(flows, WAIT).toBe(0);
  });

  test('end the flow of a container that is about to be stopped', { timeout: PATIENCE_MS }, async () => {
    const labels = { 'com.docker.compose.project': 'dns', 'com.docker.compose.service': 'dns' };
    for (const [index, host] of [FIRST, THIRD].entries()) {
      const [name, inside] = [`replica-${index}`, host];
      await echo(name, inside, port);
    }
    const one = world.list(0, 'a', port, labels, 'udp');
    await world.publisher.settled(one);
    expect(await client.ask('1', SECOND, port)).toBe(`replica-0:1 from ${SECOND}:${port}`);
    await world.publisher.drain({ id: one, engineId: one }, 'moved');
    const letGo = world.publisher.hold(one);
    const { failed } = world.publisher.connections.tally;
    const stream = world.desk.flow(port, FLOW, PATIENCE_MS);
    await expect(stream).rejects.toThrow(`no container takes UDP at port ${port}`);
    expect(world.publisher.connections.tally.failed).toBeGreaterThan(failed);
    world.publisher.resume(one);
    letGo();
    expect(await client.ask('2', SECOND, port)).toBe(`replica-0:2 from ${SECOND}:${port}`);
  });

  test('are shared by replicas of a service, which take turns with clients while they are healthy', {
    timeout: PATIENCE_MS,
  }, async () => {
    const labels = { 'com.docker.compose.project': 'dns', 'com.docker.compose.service': 'dns' };
    await echo('a', FIRST, port);
    await echo('b', THIRD, port);
    const third = new Node('node-2:2375', new EngineClient(nowhere()), THIRD);
    world.cluster.addNode(third);
    world.cluster.setInfo(third, engineInfo('node-2', 'id-2'));
    world.cluster.setState(third, 'Healthy', '');
    const list = (Status: string): string => {
      const Ports = [{ IP: '0.0.0.0', PrivatePort: 53, PublicPort: port, Type: 'udp' as const }];
      const summary = containerSummary('b', { Labels: labels, Ports, Status });
      world.cluster.updateContainers(third, [summary.Id], [summary]);
      return summary.Id;
    };
    const ids = [world.list(0, 'a', port, labels, 'udp'), list('Up 5 minutes')];
    for (const id of ids) await world.publisher.settled(id);
    const clients = (): UdpClient[] => Array.from({ length: 4 }, () => new UdpClient());
    const names = async (asking: readonly UdpClient[], host: string): Promise<string> => {
      let said = '';
      for (const each of asking) said += (await each.ask('x', host, port))?.charAt(0);
      return said;
    };
    // At the endpoint as at a node.
    for (const host of [SECOND, ENDPOINT]) {
      const asking = clients();
      const said = await names(asking, host);
      expect(said).toMatch(/^(abab|baba)$/);
      // Each stays with its container.
      expect(await names(asking, host)).toBe(said);
    }
    list('Up 5 minutes (unhealthy)');
    for (const host of [SECOND, ENDPOINT]) expect(await names(clients(), host)).toBe('aaaa');
  });

  test('are told where another process has them, and by agents that open none', { timeout: PATIENCE_MS }, async () => {
    const other = await echo('other', SECOND, port);
    const id = world.list(0, 'a', port, {}, 'udp');
    await expect.poll(() => world.problem(id), WAIT).toBe(`${port}/udp not at node-1 (another process has it)`);
    world.isOld = true;
    await closed(other);
    world.clock.advance(6_000);
    const old = `${port}/udp not at node-1 (its agent is too old to open UDP ports)`;
    await expect.poll(() => world.problem(id), WAIT).toBe(old);
    world.isOld = false;
    world.clock.advance(6_000);
    await expect.poll(() => world.problem(id), WAIT).toBeUndefined();
  });

  test('take nothing that says to come from such a port', { timeout: PATIENCE_MS }, async () => {
    await echo('a', FIRST, port);
    await world.publisher.settled(world.list(0, 'a', port, {}, 'udp'));
    const refused = `no container takes UDP at port ${port}`;
    for (const address of [SECOND, `::ffff:${SECOND}`, `${SECOND}%eth0`])
      await expect(world.desk.flow(port, { address, port }, PATIENCE_MS)).rejects.toThrow(refused);
    (await world.desk.flow(port, FLOW, PATIENCE_MS)).close();
    // Nor at the endpoint: it may be that of a manager which tells no agents, and is no node.
    const judged = vi.spyOn(world.publisher.everywhere, 'isPublished').mockReturnValueOnce(true);
    expect(await client.ask('forged', ENDPOINT, port)).toBe(`a:forged from ${ENDPOINT}:${port}`);
    expect(judged.mock.calls.length).toBeGreaterThan(1);
    expect(judged.mock.calls[0]?.[0]).toMatchObject({ address: ENDPOINT });
  });
});

test('containers of a node reach the manager by its socket, where it gives one', { timeout: PATIENCE_MS }, async () => {
  const world = new World(true);
  world.api.listen(0, ENDPOINT);
  open.push(world.api);
  await once(world.api, 'listening');
  // As an engine leaves it that mounted the path before it was there.
  await mkdir(world.socketPath, { recursive: true });
  world.publisher.start();
  world.publisher.everywhere.start();
  const refusals = (): readonly (readonly [string, string])[] => [
    ...world.publisher.everywhere.socketRefusals(world.cluster.nodes),
  ];
  const none = 'no cluster socket: no agent of it dials ("enxame join --dial")';
  expect(refusals()).toEqual([
    ['id-0', none],
    ['id-1', none],
  ]);
  await world.dial();
  await expect.poll(refusals, WAIT).toEqual([['id-0', none]]);
  const client = connect({ path: world.socketPath, allowHalfOpen: true });
  client.write('hello');
  const [answer] = (await once(client, 'data')) as [Buffer];
  expect(answer.toString()).toBe('api heard hello');
  client.end();
  await once(client, 'end');
  expect(((await stat(world.socketPath)).mode & 0o777).toString(8)).toBe('600');
  await world.publisher.everywhere.stop();
  await rm(dirname(world.socketPath), { recursive: true });
});

test('ports that are to be everywhere, with nobody to open them, are told of', { timeout: PATIENCE_MS }, async () => {
  const world = new World(false);
  const { everywhere } = world.publisher;
  world.publisher.start();
  world.list(0, 'a', await freePort());
  // Another manager is the primary.
  expect(everywhere.problems()).toEqual([]);
  everywhere.start();
  await expect.poll(() => everywhere.problems(), WAIT).toEqual([expect.stringContaining('no agent has dialled')]);
  await world.dial();
  await expect.poll(() => everywhere.problems(), WAIT).toEqual([]);
});

test('a manager that gives no socket is reached by none', { timeout: PATIENCE_MS }, async () => {
  const world = new World(false);
  world.publisher.start();
  world.publisher.everywhere.start();
  await world.dial();
  const desk = world.ports.desk();
  expect(await world.ports.want(desk, { ports: [] })).toEqual({ refused: {}, socketRefused: undefined });
  await expect(stat(world.socketPath)).rejects.toThrow('ENOENT');
});
