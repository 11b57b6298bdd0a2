import type { Socket } from 'node:net';
import { afterEach, describe, expect, test } from 'vitest';
import { FakeClock } from '../../test/fakes/fake-clock.ts';
import { RawServer } from '../../test/fakes/raw-server.ts';
import { waitUntil } from '../../test/fakes/wait.ts';
import { systemClock } from '../common/clock.ts';
import type { EngineClient } from '../engine/client.ts';
import type { Connector } from '../engine/connectors/connector.ts';
import { tcpConnector } from '../engine/connectors/socket.ts';
import type { ManagerName } from './election.ts';
import { PrimaryRoute } from './primary-route.ts';

const SELF: ManagerName = { advertise: '127.0.0.1:1', id: 'self' };
const NEVER = new AbortController().signal;

class TestElection {
  readonly self = SELF;
  primary: ManagerName | undefined;
  readonly #listeners = new Set<() => void>();

  subscribe(listener: () => void): () => void {
    this.#listeners.add(listener);
    return () => this.#listeners.delete(listener);
  }

  see(primary: ManagerName | undefined): void {
    this.primary = primary;
    for (const listener of this.#listeners) listener();
  }
}

const servers: RawServer[] = [];

afterEach(async () => {
  await Promise.all(servers.splice(0).map((server) => server.close()));
});

async function manager(onConnection: (socket: Socket) => void): Promise<RawServer> {
  const server = await RawServer.start(onConnection);
  servers.push(server);
  return server;
}

function nameOf({ address }: RawServer, id: string): ManagerName {
  return { advertise: address, id };
}

function connect(advertise: string): Promise<Connector> {
  const [host = '', port] = advertise.split(':');
  return Promise.resolve(tcpConnector(host, Number(port)));
}

async function create(primary: EngineClient): Promise<void> {
  const { socket } = await primary.open({ method: 'POST', path: '/containers/create', headers: {} });
  socket.destroy();
}

describe('the way to the primary', () => {
  test('ends every call that one that is replaced never answers, also those that came at once', async () => {
    const hung = await manager(() => undefined);
    const election = new TestElection();
    election.primary = nameOf(hung, 'hung');
    const route = new PrimaryRoute({ election, isPrimary: () => false, connect, clock: systemClock });
    const calls = Array.from({ length: 5 }, () => route.forward(create, 'change', NEVER));
    await waitUntil(() => hung.accepted === 5);
    election.see(undefined);
    for (const { status, ...rest } of await Promise.allSettled(calls)) {
      expect(status).toBe('rejected');
      expect(rest).toMatchObject({ reason: { code: 'PRIMARY_LOST', status: 503 } });
    }
  });

  test('ends those too that go to it while another one is told', async () => {
    const hung = await manager(() => undefined);
    const election = new TestElection();
    election.primary = nameOf(hung, 'hung');
    const slowly = async (advertise: string): Promise<Connector> => {
      const connector = await connect(advertise);
      election.see(undefined);
      return connector;
    };
    const route = new PrimaryRoute({ election, isPrimary: () => false, connect: slowly, clock: systemClock });
    await expect(route.forward(create, 'change', NEVER)).rejects.toMatchObject({ code: 'PRIMARY_LOST' });
  });

  test('asks the next primary what the last one was never sent', async () => {
    const gone = await manager(() => undefined);
    const dead = nameOf(gone, 'dead');
    await gone.close();
    servers.pop();
    const next = await manager((socket) => socket.once('data', () => socket.end('HTTP/1.1 201 Created\r\n\r\n')));
    const election = new TestElection();
    election.primary = dead;
    let tried = 0;
    const counted = (advertise: string): Promise<Connector> => {
      tried += 1;
      return connect(advertise);
    };
    const route = new PrimaryRoute({ election, isPrimary: () => false, connect: counted, clock: systemClock });
    const asked = route.forward(create, 'change', NEVER);
    await waitUntil(() => tried === 1);
    election.see(nameOf(next, 'next'));
    expect(await asked).toBe(true);
    expect(next.accepted).toBe(1);
  });

  test('does not lead back to this manager, whose earlier life may lead for a moment', async () => {
    const next = await manager((socket) => socket.once('data', () => socket.end('HTTP/1.1 201 Created\r\n\r\n')));
    const election = new TestElection();
    election.primary = { advertise: SELF.advertise, id: 'earlier' };
    const clock = new FakeClock();
    const route = new PrimaryRoute({ election, isPrimary: () => false, connect, clock });
    expect(await route.forward(create, 'read', NEVER)).toBe(false);
    const waiting = route.forward(create, 'change', NEVER);
    election.see(nameOf(next, 'next'));
    await clock.advance(1_000);
    expect(await waiting).toBe(true);
    // It is no earlier life.
    election.see({ advertise: SELF.advertise, id: 'another' });
    const refused = route.forward(create, 'change', NEVER).catch((error: unknown) => error);
    await clock.advance(30_000);
    expect(await refused).toMatchObject({
      code: 'NO_PRIMARY',
      status: 503,
      message: expect.stringContaining('give each manager its own --advertise'),
    });
  });

  test('leaves reads to this manager while streams go through it', () => {
    const route = new PrimaryRoute({
      election: new TestElection(),
      isPrimary: () => false,
      connect,
      clock: systemClock,
    });
    const end = route.beginChange(true);
    expect(route.isBehind).toBe(false);
    const done = route.beginChange(false);
    expect(route.isBehind).toBe(true);
    done();
    end();
    expect(route.isBehind).toBe(true);
  });

  test('a sender that left takes its call along', async () => {
    const route = new PrimaryRoute({
      election: new TestElection(),
      isPrimary: () => false,
      connect,
      clock: systemClock,
    });
    const left = new AbortController();
    const looking = route.lookBack(left.signal);
    left.abort(new Error('client left'));
    await expect(looking).rejects.toThrow('client left');
  });
});
