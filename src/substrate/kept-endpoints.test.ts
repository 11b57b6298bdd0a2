import { expect, test } from 'vitest';
import { FakeClock } from '../../test/fakes/fake-clock.ts';
import { jsonClient } from '../../test/fakes/json-client.ts';
import { silentLogger } from '../common/logger.ts';
import { EngineAnswerError } from '../engine/exchange.ts';
import { KeptEndpoints } from './kept-endpoints.ts';
import type { EndpointMemory, KeptEndpoint, SubstrateMember } from './types.ts';

const OLD = 'o'.repeat(25);
const NEW = 'n'.repeat(25);
const CONFIG = { Aliases: ['db'], IPAMConfig: { IPv4Address: '10.0.0.5' }, Links: null, DriverOpts: null };

/** A member with containers `c1` (running) and `c2`, and a manager that lists network `web` and who has which address of it. */
class World {
  /** What the containers are connected to: the network's ID, by container. */
  readonly networks: Map<string, string> = new Map([
    ['c1', OLD],
    ['c2', OLD],
  ]);
  /** The swarm's ID of `web`; undefined while it is not there. */
  webId: string | undefined = OLD;
  holder: string | undefined;
  failure: string | undefined;
  readonly calls: string[] = [];
  readonly saved = new Map<string, readonly KeptEndpoint[]>();
  readonly clock = new FakeClock();
  readonly member: SubstrateMember;
  readonly manager: SubstrateMember;
  readonly memory: EndpointMemory = {
    load: async () => this.saved,
    save: async (memberId, endpoints) => {
      if (endpoints.length === 0) this.saved.delete(memberId);
      else this.saved.set(memberId, endpoints);
    },
  };

  constructor() {
    const of = (id: string): object => {
      const NetworkID = this.networks.get(id);
      return { Id: id, NetworkSettings: { Networks: NetworkID ? { web: { NetworkID, ...CONFIG } } : {} } };
    };
    const client = jsonClient(async ({ path, body }) => {
      if (path.startsWith('/containers/json')) return [...this.networks.keys()].map(of);
      const [, id] = /^\/containers\/(\w+)\/json$/.exec(path) ?? [];
      if (id) return of(id);
      const { Container, EndpointConfig } = JSON.parse(String(body));
      const action = path.split('/').at(-1);
      this.calls.push(`${action} ${Container} ${EndpointConfig?.IPAMConfig?.IPv4Address ?? ''}`.trim());
      if (this.failure !== undefined) throw new EngineAnswerError(this.failure, 500);
      this.networks.set(Container, action === 'connect' ? (this.webId ?? '') : '');
      return undefined;
    });
    const manager = jsonClient(async ({ path }) => {
      if (path.startsWith('/networks'))
        return this.webId ? [{ Id: this.webId, Name: 'web', Driver: 'overlay', Scope: 'swarm' }] : [];
      const Addresses = ['10.0.0.5/24'];
      return this.holder === undefined
        ? []
        : [
            {
              Spec: { NetworkAttachmentSpec: { ContainerID: this.holder } },
              NetworksAttachments: [{ Network: { ID: this.webId }, Addresses }],
            },
          ];
    });
    const rest = { address: '10.9.0.1', isHealthy: true, labels: new Map() };
    this.member = { id: 'm', name: 'm', client, ...rest };
    this.manager = { id: 'a', name: 'a', client: manager, ...rest };
  }

  async kept(): Promise<KeptEndpoints> {
    const kept = new KeptEndpoints({ memory: this.memory, clock: this.clock, logger: silentLogger() });
    await kept.load();
    return kept;
  }

  /** As an engine does: running containers lose their endpoints, the others keep them. */
  leave(): void {
    this.networks.set('c1', '');
  }
}

const { signal } = new AbortController();

test('what an engine took off its networks by leaving is connected again, by a manager that starts afterwards too', async () => {
  const world = new World();
  await (await world.kept()).note(world.member, signal);
  world.leave();
  const next = await world.kept();
  expect([...next.untried]).toEqual(['m']);
  await next.restore(world.manager, world.member, signal);
  expect(world.calls).toEqual(['connect c1 10.0.0.5']);
  expect([next.due.size, next.untried.size, world.saved.size]).toEqual([0, 0, 0]);
});

test('what another manager has connected again meanwhile is not connected once more, also where a client disconnected it since', async () => {
  const world = new World();
  const kept = await world.kept();
  await kept.note(world.member, signal);
  world.leave();
  await (await world.kept()).restore(world.manager, world.member, signal);
  await kept.load();
  expect([kept.due.size, kept.untried.size]).toEqual([0, 0]);
});

test('a container that does not run follows a network that was made again', async () => {
  const world = new World();
  const kept = await world.kept();
  await kept.note(world.member, signal);
  world.leave();
  world.webId = NEW;
  await kept.restore(world.manager, world.member, signal);
  expect(world.calls.sort()).toEqual(['connect c1 10.0.0.5', 'connect c2 10.0.0.5', 'disconnect c2']);
});

test('an address that another container has by now is not asked for', async () => {
  const world = new World();
  const kept = await world.kept();
  await kept.note(world.member, signal);
  world.leave();
  world.holder = 'successor';
  await kept.restore(world.manager, world.member, signal);
  expect(world.calls).toEqual(['connect c1']);
});

test('what fails is tried again after a rest, and not for ever', async () => {
  const world = new World();
  const kept = await world.kept();
  await kept.note(world.member, signal);
  world.leave();
  world.webId = undefined;
  await kept.restore(world.manager, world.member, signal);
  // It takes part all the same.
  expect([kept.untried.size, kept.due.size, kept.nextMs()]).toEqual([0, 0, expect.any(Number)]);
  world.webId = OLD;
  world.failure = 'attaching to network failed';
  for (let attempt = 0; attempt < 20 && kept.nextMs() !== undefined; attempt++) {
    await world.clock.advance(kept.nextMs() ?? 0);
    await kept.restore(world.manager, world.member, signal);
  }
  expect(kept.nextMs()).toBeUndefined();
  expect(world.calls.length).toBeGreaterThan(5);
});

test('a container that is gone, or was connected by somebody, is left alone', async () => {
  const world = new World();
  const kept = await world.kept();
  await kept.note(world.member, signal);
  world.leave();
  world.failure = 'No such container: c1';
  await kept.restore(world.manager, world.member, signal);
  expect(kept.nextMs()).toBeUndefined();
});

test('an engine without containers on a swarm’s networks leaves no note', async () => {
  const world = new World();
  world.networks.clear();
  const kept = await world.kept();
  await kept.note(world.member, signal);
  expect([world.saved.size, kept.due.size]).toEqual([0, 0]);
});
