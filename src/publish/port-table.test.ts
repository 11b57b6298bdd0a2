import { describe, expect, test } from 'vitest';
import { containerSummary, modelNode } from '../../test/fakes/model.ts';
import { waitUntil } from '../../test/fakes/wait.ts';
import { Container } from '../cluster/container.ts';
import type { Node } from '../cluster/node.ts';
import { PROJECT_LABEL, SERVICE_LABEL } from '../common/compose-labels.ts';
import { Claim } from './claim.ts';
import { nodePortsOf } from './node-ports.ts';
import { PortTable } from './port-table.ts';

/** A table over a host of which some ports are taken, and engines that say which numbers were asked for. */
class World {
  readonly taken = new Set<string>();
  readonly open = new Set<string>();
  readonly random = new Set<Claim>();
  readonly told: string[] = [];
  asked = 0;
  onAsked: () => void = () => undefined;
  failure: NodeJS.ErrnoException | undefined;
  readonly nodes: readonly Node[] = ['a', 'b', 'c'].map((name) => modelNode(name));
  readonly table: PortTable;
  next = 40_000;
  #made = 0;

  constructor() {
    this.table = new PortTable({
      open: async (protocol, port) => {
        if (this.failure) throw this.failure;
        const number = port === 0 ? this.next++ : port;
        const key = `${number}/${protocol}`;
        if (this.taken.has(key) || this.open.has(key)) throw Object.assign(new Error('taken'), { code: 'EADDRINUSE' });
        this.open.add(key);
        return { port: number, close: () => this.open.delete(key) };
      },
      askFixed: async (claim) => {
        this.asked += 1;
        this.onAsked();
        return !this.random.has(claim);
      },
      onChange: (claim) => this.told.push(`${claim.copy.name} ${claim.problem ?? claim.shared?.port}`),
      isLeaving: () => false,
      nowMs: () => 0,
    });
  }

  /** A container with one port on the next node. */
  claim(name: string, port: number, { labels = {}, image = 'web', isRandom = false, type = 'tcp' } = {}): Claim {
    const node = this.nodes[this.#made % this.nodes.length] as Node;
    this.#made += 1;
    const Ports = [{ IP: '0.0.0.0', PrivatePort: 80, PublicPort: port, Type: type }];
    const summary = containerSummary(`${this.#made}`, { Names: [`/${name}`], Image: image, Labels: labels, Ports });
    const copy = new Container(node, summary, 0);
    const [at] = nodePortsOf(copy);
    if (!at) throw new Error('it publishes nothing');
    const claim = new Claim(copy, at);
    if (isRandom) this.random.add(claim);
    return claim;
  }

  async add(...claims: readonly Claim[]): Promise<(number | string | undefined)[]> {
    for (const claim of claims) this.table.add(claim);
    for (const claim of claims) await this.table.settled(claim);
    return claims.map(({ shared, problem }) => problem ?? shared?.port);
  }
}

const WEB = { [PROJECT_LABEL]: 'shop', [SERVICE_LABEL]: 'web' };
const API = { [PROJECT_LABEL]: 'shop', [SERVICE_LABEL]: 'api' };

describe('ports at the endpoint', () => {
  test('are none that hosts need themselves, whether or not these services listen', async () => {
    const world = new World();
    const claims = [world.claim('git', 22), world.claim('api', 2376), world.claim('gossip', 7_946, { type: 'udp' })];
    expect(await world.add(...claims)).toEqual([
      '22/tcp not at the endpoint: it is kept for SSH of the host',
      '2376/tcp not at the endpoint: it is kept for the Docker API of the host',
      '7946/udp not at the endpoint: it is kept for Docker’s swarm mode of the host',
    ]);
    expect(world.open.size).toBe(0);
    // UDP has numbers of its own.
    expect(await world.add(world.claim('other', 22, { type: 'udp' }))).toEqual([22]);
  });

  test('are others than those where an engine, or the system, chose one that hosts need', async () => {
    const world = new World();
    world.next = 51_820;
    const claim = world.claim('game', 51_820, { type: 'udp', isRandom: true });
    expect(await world.add(claim)).toEqual([51_821]);
    expect([[...world.open], claim.problem, world.table.waiting]).toEqual([['51821/udp'], undefined, 0]);
  });

  test('have the number that they have at the node, and nobody is asked for more', async () => {
    const world = new World();
    const claims = [
      world.claim('x', 8080),
      world.claim('y', 32768, { isRandom: true }),
      world.claim('z', 8080, { type: 'udp' }),
    ];
    expect(await world.add(...claims)).toEqual([8080, 32768, 8080]);
    expect(world.asked).toBe(0);
    expect([...world.open].sort()).toEqual(['32768/tcp', '8080/tcp', '8080/udp']);
  });

  test.each<
    [
      string,
      { labels?: Record<string, string>; image?: string },
      { labels?: Record<string, string>; image?: string },
      boolean,
    ]
  >([
    ['replicas of a service', { labels: WEB }, { labels: WEB, image: 'web:2' }, true],
    ['containers of one image in no group', {}, {}, true],
    ['services of one project', { labels: WEB }, { labels: API }, false],
    ['a service and a container in no group', { labels: WEB }, {}, false],
    ['containers of two images', { image: 'web' }, { image: 'db' }, false],
    [
      'members of a group',
      { labels: { 'io.enxame.group': 'g' }, image: 'a' },
      { labels: { 'io.enxame.group': 'g' }, image: 'b' },
      true,
    ],
  ])('%s that asked for one number share it or not', async (_, first, second, isShared) => {
    const world = new World();
    const [a, b] = [world.claim('a', 80, first), world.claim('b', 80, second)];
    const refusal = '80/tcp not at the endpoint: container a has it there';
    expect(await world.add(a, b)).toEqual([80, isShared ? 80 : refusal]);
    expect(a.shared?.claims.size).toBe(isShared ? 2 : 1);
    world.table.remove(a);
    await waitUntil(() => b.shared !== undefined);
    await world.table.settled(b);
    expect([b.shared?.port, b.problem]).toEqual([80, undefined]);
    world.table.remove(b);
    expect([...world.open]).toEqual([]);
    expect(world.table.size).toBe(0);
  });

  test('are others where engines chose one number twice, and stay so when the container moves', async () => {
    const world = new World();
    const [a, b] = [
      world.claim('a', 32768, { labels: WEB, isRandom: true }),
      world.claim('b', 32768, { labels: WEB, isRandom: true }),
    ];
    expect(await world.add(a, b)).toEqual([32768, 40000]);
    // Started again, its engine gave it another one.
    world.table.remove(b);
    const again = new Claim(b.copy, { ...b.at, port: 32770 });
    world.random.add(again);
    expect(await world.add(again)).toEqual([40000]);
  });

  test('that an engine chose do not keep one away that was asked for, beyond its time', async () => {
    const world = new World();
    const [a, b] = [world.claim('a', 32768, { isRandom: true }), world.claim('b', 32768)];
    expect(await world.add(a, b)).toEqual([32768, '32768/tcp not at the endpoint: container a has it there']);
    world.table.remove(a);
    await waitUntil(() => b.shared?.port === 32768);
    expect(world.told).toEqual(['a 32768', 'b 32768/tcp not at the endpoint: container a has it there', 'b 32768']);
  });

  test('that are taken are told once, and opened when they are free', async () => {
    const world = new World();
    world.taken.add('80/tcp').add('32768/tcp');
    const [fixed, random] = [world.claim('fixed', 80), world.claim('random', 32768, { isRandom: true })];
    const why = '80/tcp not at the endpoint: another process has it';
    expect(await world.add(fixed, random)).toEqual([why, 40000]);
    world.table.retry();
    await world.table.settled(fixed);
    expect(world.table.waiting).toBe(1);
    world.taken.clear();
    world.table.retry();
    await world.table.settled(fixed);
    expect([...world.told].sort()).toEqual([`fixed ${why}`, 'fixed 80', 'random 40000'].sort());
    expect(world.table.waiting).toBe(0);
  });

  test.each([
    ['EACCES', 80, /below 1024 \(it needs CAP_NET_BIND_SERVICE\)/],
    ['EACCES', 8080, /may not open it/],
    ['EADDRNOTAVAIL', 80, /--publish-address/],
    ['EMFILE', 80, /no file descriptors left/],
    ['EOTHER', 80, /something else/],
  ])('that fail with %s say why', async (code, port, says) => {
    const world = new World();
    world.failure = Object.assign(new Error('something else'), { code });
    expect((await world.add(world.claim('x', port)))[0]).toMatch(says);
  });

  test.each([
    ['another container has its number', 32_768, 'tcp'],
    ['its number is taken', 32_769, 'tcp'],
    ['hosts need its number', 51_820, 'udp'],
  ])('of a container that went while its engine was asked, since %s, are not opened', async (_, port, type) => {
    const world = new World();
    world.taken.add('32769/tcp');
    const [holder, claim] = [world.claim('a', 32_768), world.claim('b', port, { labels: WEB, isRandom: true, type })];
    await world.add(holder);
    world.onAsked = () => world.table.remove(claim);
    await world.add(claim);
    expect([...world.open]).toEqual(['32768/tcp']);
    expect([world.table.size, world.table.waiting]).toEqual([1, 0]);
  });

  test('of a container that went while they were opened are closed', async () => {
    const world = new World();
    const claim = world.claim('x', 80);
    world.table.add(claim);
    world.table.remove(claim);
    await world.table.settled(claim);
    expect([...world.open]).toEqual([]);
    expect(world.table.size).toBe(0);
  });
});
