import { once } from 'node:events';
import { connect, createServer, type Server } from 'node:net';
import { afterEach, describe, expect, test } from 'vitest';
import { FakeEngine } from '../../simulator/fake-engine.ts';
import { FakeClock } from '../../test/fakes/fake-clock.ts';
import { freePort } from '../../test/fakes/free-port.ts';
import { containerSummary, engineInfo, nowhere } from '../../test/fakes/model.ts';
import { waitUntil } from '../../test/fakes/wait.ts';
import { Cluster } from '../cluster/cluster.ts';
import { Container } from '../cluster/container.ts';
import { Node } from '../cluster/node.ts';
import { silentLogger } from '../common/logger.ts';
import { EngineClient } from '../engine/client.ts';
import { tcpConnector } from '../engine/connectors/socket.ts';
import { DialledAgents } from '../engine/dialled/dialled-agents.ts';
import type { PortSummary } from '../engine/types.ts';
import type { Notice } from '../notify/notice.ts';
import { Publisher } from './publisher.ts';

/** For a busy machine. */
const PATIENCE_MS = 60_000;
const ENDPOINT = '127.0.0.1';
/** Of a node that is this host. */
const OWN_ADDRESS = '127.0.0.4';

const open: { close(): unknown }[] = [];

afterEach(() => {
  for (const each of open.splice(0).reverse()) each.close();
});

/** What stands for a container: a server at its node's address that says its name. */
async function serve(name: string, host: string, port: number): Promise<Server> {
  const server = createServer((socket) => socket.on('error', () => undefined).end(name)).listen(port, host);
  await once(server, 'listening');
  open.push(server);
  return server;
}

class World {
  readonly clock = new FakeClock();
  readonly cluster = new Cluster({ clock: this.clock, logger: silentLogger() });
  readonly agents = new DialledAgents(Date.now);
  readonly notices: Notice[] = [];
  readonly nodes = [2, 3].map((i) => {
    const node = new Node(`node-${i}:2375`, new EngineClient(nowhere()), `127.0.0.${i}`);
    this.cluster.addNode(node);
    this.cluster.setInfo(node, engineInfo(`node-${i}`, `id-${i}`));
    this.cluster.setState(node, 'Healthy', '');
    return node;
  });
  readonly publisher: Publisher;

  constructor(at: 'node' | 'endpoint' = 'endpoint') {
    this.publisher = new Publisher(
      {
        cluster: this.cluster,
        agents: this.agents,
        tell: (notice) => this.notices.push(notice),
        isOwnHost: ({ address }) => address === OWN_ADDRESS,
        clock: this.clock,
        logger: silentLogger(),
      },
      { at, host: ENDPOINT, limits: { total: 100, perPort: 100 } },
    );
    open.push(this.publisher);
  }

  node(index: number): Node {
    return this.nodes[index] as Node;
  }

  /** The engine of a node lists a container. */
  list(
    index: number,
    id: string,
    ports: readonly PortSummary[],
    more: Parameters<typeof containerSummary>[1] = {},
  ): string {
    const summary = containerSummary(id, { Ports: ports, ...more });
    this.cluster.updateContainers(this.node(index), [summary.Id], [summary]);
    return summary.Id;
  }

  shown(id: string): string[] {
    const container = this.cluster.findContainer(id);
    return (container?.ports ?? []).map(({ IP, PublicPort }) => `${IP}:${PublicPort}`);
  }
}

function tcp(port: number, ip: string = '0.0.0.0'): PortSummary {
  return { IP: ip, PrivatePort: 80, PublicPort: port, Type: 'tcp' };
}

function ask(port: number): Promise<string> {
  return new Promise((resolve) => {
    let text = '';
    const socket = connect({ host: ENDPOINT, port });
    socket.on('data', (chunk) => {
      text += chunk;
    });
    socket.once('error', (error) => resolve((error as NodeJS.ErrnoException).code ?? ''));
    socket.once('end', () => resolve(text));
  });
}

async function askTimes(port: number, times: number): Promise<string> {
  const answers: string[] = [];
  for (let i = 0; i < times; i++) answers.push(await ask(port));
  return answers.join('');
}

describe('what containers publish', () => {
  test('is not at the endpoint where an engine says that it is at an address of this host', async () => {
    const world = new World();
    const port = await freePort();
    world.publisher.start();
    const id = world.list(0, 'a', [tcp(port, OWN_ADDRESS)]);
    await world.publisher.settled(id);
    expect([world.publisher.counts.open, await ask(port)]).toEqual([0, 'ECONNREFUSED']);
  });

  test('is at the endpoint while one of them runs, in turns', { timeout: PATIENCE_MS }, async () => {
    const world = new World();
    const port = await freePort();
    await serve('a', '127.0.0.2', port);
    await serve('b', '127.0.0.3', port);
    // One was there before.
    const a = world.list(0, 'a', [tcp(port)]);
    world.publisher.start();
    const b = world.list(1, 'b', [tcp(port)]);
    for (const id of [a, b]) await world.publisher.settled(id);
    expect([world.shown(a), world.shown(b)]).toEqual([[`${ENDPOINT}:${port}`], [`${ENDPOINT}:${port}`]]);
    expect(world.cluster.findContainer(a)?.shown).toContain(`"IP":"${ENDPOINT}","PrivatePort":80,"PublicPort":${port}`);
    expect(await askTimes(port, 4)).toMatch(/^(abab|baba)$/);
    // About to be stopped: never chosen any more.
    await world.publisher.drain({ id: a, engineId: a }, 'stopped');
    expect(await askTimes(port, 4)).toBe('bbbb');
    world.publisher.resume(a);
    world.list(0, 'a', [tcp(port)], { Status: 'Up 5 minutes (unhealthy)' });
    expect(await askTimes(port, 4)).toBe('bbbb');
    world.list(1, 'b', [], { State: 'exited', Status: 'Exited (0) 1 second ago' });
    expect(world.shown(b)).toEqual([]);
    expect(await askTimes(port, 2)).toBe('aa');
    world.cluster.removeContainer(world.node(0), a);
    await waitUntil(() => world.publisher.counts.open === 0);
    expect(await ask(port)).toBe('ECONNREFUSED');
    expect(world.node(0).endpointPorts(a)).toBeUndefined();
  });

  test('is there only as the container and the manager say', { timeout: PATIENCE_MS }, async () => {
    const asked = { 'io.enxame.publish-at': 'endpoint' };
    const refused = { 'io.enxame.publish-at': 'node' };
    const [one, two, three] = [await freePort(), await freePort(), await freePort()];
    const byDefault = new World('node');
    byDefault.publisher.start();
    const plain = byDefault.list(0, 'a', [tcp(one)]);
    const labelled = byDefault.list(0, 'b', [tcp(two)], { Labels: asked });
    for (const id of [plain, labelled]) await byDefault.publisher.settled(id);
    expect([byDefault.shown(plain), byDefault.shown(labelled)]).toEqual([[`127.0.0.2:${one}`], [`${ENDPOINT}:${two}`]]);
    byDefault.publisher.close();
    const world = new World();
    world.publisher.start();
    const kept = world.list(0, 'c', [tcp(one)], { Labels: refused });
    // Its node's own host alone reaches it.
    const local = world.list(0, 'd', [tcp(three, '127.0.0.1')]);
    for (const id of [kept, local]) await world.publisher.settled(id);
    expect([world.shown(kept), world.shown(local)]).toEqual([[`127.0.0.2:${one}`], [`127.0.0.1:${three}`]]);
    expect(world.publisher.counts).toEqual({ open: 0, waiting: 0 });
  });

  test('is told when its port is taken, and opened when it is free', { timeout: PATIENCE_MS }, async () => {
    const world = new World();
    const port = await freePort();
    await serve('a', '127.0.0.2', port);
    const other = await serve('other', ENDPOINT, port);
    world.publisher.start();
    const id = world.list(0, 'a', [tcp(port)]);
    await world.publisher.settled(id);
    const problem = `${port}/tcp not at the endpoint: another process has it`;
    expect(world.node(0).endpointPorts(id)?.problem).toBe(problem);
    expect(world.shown(id)).toEqual([`127.0.0.2:${port}`]);
    expect(world.notices).toMatchObject([
      { event: 'port-unavailable', node: 'node-2', container: { id, name: 'c-a' }, why: problem },
    ]);
    await new Promise((resolve) => other.close(resolve));
    world.clock.advance(6_000);
    await waitUntil(() => world.shown(id)[0] === `${ENDPOINT}:${port}`, PATIENCE_MS);
    expect(world.node(0).endpointPorts(id)?.problem).toBeUndefined();
    expect(await ask(port)).toBe('a');
    expect(world.notices).toHaveLength(1);
  });

  test('makes room for a container of this host that asks for its number', { timeout: PATIENCE_MS }, async () => {
    await using engine = await FakeEngine.start();
    const world = new World();
    const port = await freePort();
    world.publisher.start();
    const id = world.list(0, 'a', [tcp(port)]);
    await world.publisher.settled(id);
    const [host = '', number = ''] = engine.address.split(':');
    const own = new Node(engine.address, new EngineClient(tcpConnector(host, Number(number))), OWN_ADDRESS);
    const copy = new Container(own, containerSummary('b', { State: 'created' }), 0);
    const bindings = (HostPort: string): object => ({
      HostConfig: { PortBindings: { '80/tcp': [{ HostPort }], '81/tcp': [{ HostPort: '' }] } },
    });
    const endLie = engine.lie('GET /containers/*', 200, bindings(String(port + 1)));
    await world.publisher.makeRoom(copy);
    expect(world.publisher.counts).toEqual({ open: 1, waiting: 0 });
    endLie();
    engine.lie('GET /containers/*', 200, bindings(String(port)));
    await world.publisher.makeRoom(copy);
    expect(world.publisher.counts).toEqual({ open: 0, waiting: 1 });
    expect(world.shown(id)).toEqual([`127.0.0.2:${port}`]);
    // As its engine binds it.
    const taken = await serve('own', ENDPOINT, port);
    world.clock.advance(6_000);
    await world.publisher.settled(id);
    expect(world.publisher.counts).toEqual({ open: 0, waiting: 1 });
    await new Promise((resolve) => taken.close(resolve));
    world.clock.advance(6_000);
    await waitUntil(() => world.publisher.counts.open === 1, PATIENCE_MS);
  });

  test('stays open while the container moves, and connections wait', { timeout: PATIENCE_MS }, async () => {
    const world = new World();
    const port = await freePort();
    const before = await serve('old', '127.0.0.2', port);
    world.publisher.start();
    const id = world.list(0, 'a', [tcp(port)]);
    await world.publisher.settled(id);
    expect(await ask(port)).toBe('old');
    const letGo = world.publisher.hold(id);
    await world.publisher.drain({ id, engineId: id }, 'moved');
    const answer = ask(port);
    await waitUntil(() => world.publisher.connections.size === 1, PATIENCE_MS);
    before.close();
    world.list(0, 'a', [], { State: 'exited', Status: 'Exited (0) 1 second ago' });
    // As a record that names the other copy would say.
    const successor = containerSummary('b', { Names: ['/c-a'], Ports: [tcp(port)] });
    world.cluster.identify({
      of: (nodeId) => ({
        role: nodeId === 'id-3' ? 'current' : 'stale',
        id,
        formerIds: [],
        isSuccessor: false,
        isStoppedForMove: false,
      }),
      hasName: () => false,
    });
    world.cluster.updateContainers(world.node(1), [successor.Id], [successor]);
    world.cluster.reconsider(
      [
        { nodeId: 'id-2', engineId: id },
        { nodeId: 'id-3', engineId: successor.Id },
      ],
      'test',
    );
    letGo();
    await serve('new', '127.0.0.3', port);
    // It waits by the clock, also for a successor that does not listen yet.
    await waitUntil(() => world.clock.sleeping > 0, PATIENCE_MS);
    const timer = setInterval(() => world.clock.advance(50), 5);
    expect(await answer).toBe('new');
    clearInterval(timer);
    expect(world.cluster.findContainer(id)?.node.name).toBe('node-3');
    expect(world.shown(id)).toEqual([`${ENDPOINT}:${port}`]);
  });
});
