import { Duplex } from 'node:stream';
import { afterEach, expect, test } from 'vitest';
import { FakeEngine } from '../../simulator/fake-engine.ts';
import { FakeClock } from '../../test/fakes/fake-clock.ts';
import { silentLogger } from '../common/logger.ts';
import { tcpConnector } from '../engine/connectors/socket.ts';
import { Connections } from '../relay/connections.ts';
import { AgentDoor } from './agent-door.ts';

const stop = new AbortController();

afterEach(() => stop.abort());

test('an agent has a bounded number of connections, however many it says it takes', async () => {
  await using engine = await FakeEngine.start();
  const [host = '', port = ''] = engine.address.split(':');
  const streams: Duplex[] = [];
  const openVisit = async (): Promise<Duplex> => {
    const stream = new Duplex({ read: () => undefined, write: (_, __, done) => done() });
    streams.push(stream);
    stream.push('{"port":80}\n');
    return stream;
  };
  const door = new AgentDoor('liar', {
    agents: {
      list: () => [],
      subscribe: () => () => undefined,
      ask: async () => ({ status: 200, body: { refused: {} } }),
      openVisit,
      connectorFor: () => tcpConnector(host, Number(port)),
    },
    nodeOf: () => undefined,
    places: () => ['80/tcp'],
    isPublished: () => false,
    ringOf: () => undefined,
    connections: new Connections({ total: 9, perPort: 9 }),
    connectApi: undefined,
    onAnswer: () => undefined,
    clock: new FakeClock(),
    signal: stop.signal,
    logger: silentLogger(),
  });
  await door.sync();
  const most = 3_360;
  await expect.poll(() => streams.length, { timeout: 150_000 }).toBe(most);
  for (const stream of streams.slice(0, 10)) stream.destroy();
  await expect.poll(() => streams.length, { timeout: 150_000 }).toBe(most + 10);
  for (let i = 0; i < 10; i++) await new Promise((resolve) => setImmediate(resolve));
  expect(streams.length).toBe(most + 10);
  for (const stream of streams) stream.destroy();
});
