import { describe, expect, test } from 'vitest';
import { multiplexed } from '../../../simulator/routes/payload.ts';
import { logMessage, MovingApi } from '../../../test/fakes/moving-api.ts';
import { waitUntil } from '../../../test/fakes/wait.ts';

const MOVE_OFF = { terms: { restart: 'always', priority: 0, policy: 'off' } } as const;
const STAYS = { isMoving: false } as const;

/** The payloads of frames. */
function payloads(text: string): string {
  const bytes = Buffer.from(text, 'latin1');
  let shown = '';
  for (let at = 0; at + 8 <= bytes.length; at += 8 + bytes.readUInt32BE(at + 4))
    shown += bytes.toString('utf8', at + 8, at + 8 + bytes.readUInt32BE(at + 4));
  return shown;
}

describe('logs -f', () => {
  test('goes on with the successor from its start when the old copy is stopped after a move', async () => {
    await using api = await MovingApi.start();
    const client = await api.read('/containers/web/logs?stdout=1&follow=1&tail=1&since=5');
    const old = await api.stream(0);
    expect(Object.fromEntries(old.exchange.query)).toMatchObject({ tail: '1', since: '5', timestamps: '1' });
    old.reply.write(logMessage(1, 'one'));
    await api.move();
    old.reply.write(logMessage(2, 'last words'));
    old.reply.end();
    const next = await api.stream(1);
    expect(next.exchange.path).toContain(api.ids[1]);
    expect(Object.fromEntries(next.exchange.query)).toMatchObject({ follow: '1', tail: 'all', since: '' });
    next.reply.write(logMessage(1, 'two'));
    await waitUntil(() => payloads(client.text()) === 'one\nlast words\ntwo\n');
    await api.change((record) => ({ ...record, wanted: 'stopped' }));
    next.reply.end();
    await waitUntil(client.hasEnded);
  });

  test('is held while the node is lost, and goes on elsewhere', async () => {
    await using api = await MovingApi.start(STAYS);
    const client = await api.read('/containers/web/logs?stdout=1&follow=1&timestamps=1');
    const old = await api.stream(0);
    const whole = logMessage(1, 'one');
    old.reply.write(Buffer.concat([whole, logMessage(2, 'cut in the middle').subarray(0, 20)]));
    await waitUntil(() => client.text().includes('one'));
    await api.lose(0);
    expect([client.hasEnded(), client.hasFailed(), api.asked(1)]).toEqual([false, false, 0]);
    await api.make();
    await api.move();
    const next = await api.stream(1);
    next.reply.write(logMessage(1, 'two'));
    await waitUntil(() => client.text().includes('two'));
    expect(client.text()).toBe(Buffer.concat([whole, logMessage(1, 'two')]).toString('latin1'));
  });

  test('of a successor that could not be asked at first is read from its start', async () => {
    await using api = await MovingApi.start();
    const client = await api.read('/containers/web/logs?stdout=1&follow=1');
    const old = await api.stream(0);
    old.reply.write(logMessage(3, 'one'));
    await waitUntil(() => payloads(client.text()) === 'one\n');
    api.refuse(1, 2);
    await api.move();
    old.reply.end();
    const next = await api.stream(1);
    expect(Object.fromEntries(next.exchange.query)).toMatchObject({ tail: 'all', since: '' });
    next.reply.write(logMessage(1, 'two'));
    await waitUntil(() => payloads(client.text()) === 'one\ntwo\n');
  });

  test('is taken up where it was when the node comes back with the same copy, each message once', async () => {
    await using api = await MovingApi.start(STAYS);
    const client = await api.read('/containers/web/logs?stdout=1&follow=1&since=5&tail=3');
    (await api.stream(0)).reply.write(Buffer.concat([logMessage(1, 'one'), logMessage(2, 'two')]));
    await waitUntil(() => payloads(client.text()) === 'one\ntwo\n');
    await api.lose(0);
    await api.fake.at(0).engine.apply({ kind: 'none' });
    const again = await api.stream(0, 2);
    expect(Object.fromEntries(again.exchange.query)).toMatchObject({ tail: 'all', since: '1767225602.000000001' });
    again.reply.write(Buffer.concat([logMessage(2, 'two'), logMessage(3, 'three')]));
    await waitUntil(() => payloads(client.text()) === 'one\ntwo\nthree\n');
  });

  test.each([
    { name: 'has ended by itself', edit: { ended: { exitCode: 3, atMs: 0 } } },
    { name: 'is not wanted any more', edit: { wanted: 'stopped' as const } },
  ])('ends while the node is lost when the container $name', async ({ edit }) => {
    await using api = await MovingApi.start(STAYS);
    const client = await api.read('/containers/web/logs?stdout=1&follow=1');
    await api.stream(0);
    await api.lose(0);
    await api.change((record) => ({ ...record, ...edit }));
    await waitUntil(() => client.hasEnded() || client.hasFailed());
    expect(client.hasEnded()).toBe('ended' in edit);
  });

  test('ends at once with its container on a node that is well', async () => {
    await using api = await MovingApi.start(STAYS);
    const client = await api.read('/containers/web/logs?stdout=1&follow=1');
    (await api.stream(0)).reply.end();
    await waitUntil(client.hasEnded);
  });

  test('is held when an engine that is being stopped ends its containers', async () => {
    await using api = await MovingApi.start(STAYS);
    const { engine } = api.fake.at(0);
    const client = await api.read('/containers/web/logs?stdout=1&follow=1');
    const old = await api.stream(0);
    engine.on('GET /_ping', (exchange) => {
      exchange.error(503, 'the daemon is shutting down');
      return true;
    });
    old.reply.end();
    await waitUntil(() => engine.requestsTo('GET /_ping').length > 0);
    await api.lose(0);
    expect(client.hasEnded()).toBe(false);
    await api.change(() => undefined);
    await waitUntil(client.hasEnded);
  });

  test('breaks off with the node where the container is not to be moved, as ever', async () => {
    await using api = await MovingApi.start({ ...STAYS, ...MOVE_OFF });
    const client = await api.read('/containers/web/logs?stdout=1&follow=1');
    await api.stream(0);
    await api.lose(0);
    await waitUntil(client.hasFailed);
  });

  test('of Compose, which follows starts itself, ends with the move', async () => {
    await using api = await MovingApi.start();
    const headers = { 'User-Agent': 'compose/v2.40.0' };
    const client = await api.read('/containers/web/logs?stdout=1&follow=1', { headers });
    const old = await api.stream(0);
    await api.move();
    old.reply.end();
    await waitUntil(client.hasEnded);
    expect(api.asked(1)).toBe(0);
  });

  test('of a client that leaves while it is held asks nobody any more', async () => {
    await using api = await MovingApi.start(STAYS);
    const client = await api.read('/containers/web/logs?stdout=1&follow=1');
    await api.stream(0);
    await api.lose(0);
    client.leave();
    await waitUntil(client.hasFailed);
    await api.make();
    await api.move();
    expect(api.asked(1)).toBe(0);
  });
});

describe('attach', () => {
  test('goes on with what the successor says from its start, and input goes to it', async () => {
    await using api = await MovingApi.start();
    const { socket, text } = await api.attach('stream=1&stdin=1&stdout=1');
    const old = await api.stream(0);
    expect(old.exchange.query.get('logs')).toBeNull();
    socket.write('to the old one');
    await waitUntil(() => old.input() === 'to the old one');
    old.reply.write(Buffer.concat([multiplexed(1, 'one'), multiplexed(1, 'cut').subarray(0, 9)]));
    let isGone = false;
    old.exchange.onClose(() => {
      isGone = true;
    });
    old.reply.end();
    await waitUntil(() => isGone);
    socket.write('to the new one');
    expect(text().endsWith('one')).toBe(true);
    await api.move();
    const next = await api.stream(1);
    expect(next.exchange.query.get('logs')).toBe('1');
    next.reply.write(multiplexed(1, 'two'));
    await waitUntil(() => next.input() === 'to the new one');
    const frames = Buffer.concat([multiplexed(1, 'one'), multiplexed(1, 'two')]).toString('latin1');
    await waitUntil(() => text().endsWith(frames));
    socket.destroy();
  });

  test('has all that a successor said that refused it at first', async () => {
    await using api = await MovingApi.start();
    const { socket, text } = await api.attach('stream=1&stdout=1');
    api.refuse(1, 2);
    await api.move();
    (await api.stream(0)).reply.end();
    const next = await api.stream(1);
    expect(next.exchange.query.get('logs')).toBe('1');
    next.reply.write(multiplexed(1, 'two'));
    await waitUntil(() => text().endsWith('two'));
    socket.destroy();
  });

  test('ends when the container has ended', async () => {
    await using api = await MovingApi.start(STAYS);
    const { socket, ended } = await api.attach('stream=1&stdout=1');
    (await api.stream(0)).reply.end();
    await waitUntil(ended);
    socket.destroy();
  });

  test.each([false, true])(
    'is held while the node is lost, and goes on elsewhere (client half closed: %s)',
    async (isHalfClosed) => {
      await using api = await MovingApi.start(STAYS);
      const { socket, text } = await api.attach('stream=1&stdout=1');
      const old = await api.stream(0);
      old.reply.write(Buffer.concat([multiplexed(1, 'one'), multiplexed(1, 'cut').subarray(0, 9)]));
      if (isHalfClosed) socket.end();
      await waitUntil(() => text().endsWith('one'));
      await api.lose(0);
      await api.make();
      await api.move();
      const next = await api.stream(1);
      next.reply.write(multiplexed(1, 'two'));
      const frames = Buffer.concat([multiplexed(1, 'one'), multiplexed(1, 'two')]).toString('latin1');
      await waitUntil(() => text().endsWith(frames));
      socket.destroy();
    },
  );

  test('is held while the node is lost, and ends with the record', async () => {
    await using api = await MovingApi.start(STAYS);
    const { socket, ended } = await api.attach('stream=1&stdout=1');
    await api.stream(0);
    await api.lose(0);
    expect(ended()).toBe(false);
    await api.change(() => undefined);
    await waitUntil(ended);
    socket.destroy();
  });
});

describe('wait', () => {
  test('does not take the end of a copy in a move for the container’s', async () => {
    await using api = await MovingApi.start();
    const client = await api.read('/containers/web/wait?condition=not-running', { method: 'POST' });
    const old = await api.stream(0);
    old.reply.write('{"StatusCode":143}\n');
    old.reply.end();
    await api.move();
    const next = await api.stream(1);
    expect(next.exchange.query.get('condition')).toBe('not-running');
    expect(client.text()).toBe('');
    await api.change((record) => ({ ...record, wanted: 'stopped' }));
    next.reply.write('{"StatusCode":7}\n');
    next.reply.end();
    await waitUntil(client.hasEnded);
    expect(client.text()).toBe('{"StatusCode":7}\n');
  });

  test.each([
    { name: 'its exit code when it ended', edit: { ended: { exitCode: 3, atMs: 0 } }, text: '{"StatusCode":3}\n' },
    { name: '137 when it was removed', edit: undefined, text: '{"StatusCode":137}\n' },
  ])('of a container whose node is lost says $name', async ({ edit, text }) => {
    await using api = await MovingApi.start(STAYS);
    const client = await api.read('/containers/web/wait', { method: 'POST' });
    await api.stream(0);
    await api.lose(0);
    await api.change((record) => edit && { ...record, ...edit });
    await waitUntil(client.hasEnded);
    expect(client.text()).toBe(text);
  });

  test('says what happened where the container is not to be moved', async () => {
    await using api = await MovingApi.start({ ...STAYS, ...MOVE_OFF });
    const client = await api.read('/containers/web/wait', { method: 'POST' });
    await api.stream(0);
    await api.lose(0);
    await waitUntil(client.hasEnded);
    expect(client.text()).toContain('was lost while waiting for container web');
  });
});

test('stats go on under the same ID, in whole lines', async () => {
  await using api = await MovingApi.start();
  const client = await api.read('/containers/web/stats');
  const old = await api.stream(0);
  old.reply.write(`{"id":"${api.ids[0]}","n":1}\n{"id":"${api.ids[0].slice(0, 9)}`);
  old.reply.end();
  await api.move();
  const next = await api.stream(1);
  next.reply.write(`{"id":"${api.ids[1]}","n":2}\n`);
  await waitUntil(() => client.text().split('\n').length > 2);
  expect(client.text()).toBe([1, 2].map((n) => `{"id":"${api.ids[0]}","n":${n}}\n`).join(''));
});

describe('events', () => {
  test('of a move are that the container died and started, with the nodes and the reason', async () => {
    await using api = await MovingApi.start(STAYS);
    const client = await api.read('/events?filters={"type":["container"]}');
    await api.make();
    await api.move();
    const seen = (): { Action: string; Actor: { ID: string; Attributes: Record<string, string> } }[] =>
      client
        .text()
        .split('\n')
        .filter((line) => line !== '')
        .map((line) => JSON.parse(line));
    await waitUntil(() => seen().length >= 2);
    const move = { 'enxame.move.from': 'node-1', 'enxame.move.to': 'node-2', 'enxame.move.why': 'a test' };
    expect(seen()).toMatchObject([
      {
        Action: 'die',
        status: 'die',
        id: api.ids[0],
        Actor: { ID: api.ids[0], Attributes: { ...move, name: 'web', exitCode: '137' } },
        node: { Name: 'node-1' },
      },
      { Action: 'start', Actor: { ID: api.ids[0], Attributes: { ...move, app: 'web' } }, node: { Name: 'node-2' } },
    ]);
    const until = Math.ceil(Date.now() / 1_000) + 1;
    const past = await api.read(`/events?since=1&until=${until}&filters={"type":["container"]}`);
    await waitUntil(past.hasEnded);
    expect(
      past
        .text()
        .split('\n')
        .filter((line) => line.includes('enxame.move')).length,
    ).toBe(2);
    expect(past.text()).not.toContain(api.ids[1]);
  });
});

test('a moved container is listed and inspected once, under its first ID, by each of its IDs', async () => {
  await using api = await MovingApi.start();
  const { cluster } = api.fake;
  const listed = async (): Promise<{ Id: string; Labels: object }[]> =>
    (await fetch(`${api.url}/containers/json?all=1`)).json() as Promise<{ Id: string; Labels: object }[]>;
  expect((await listed()).map(({ Id }) => Id)).toEqual([api.ids[0]]);
  await api.move();
  expect(await listed()).toMatchObject([{ Id: api.ids[0], Labels: { app: 'web' } }]);
  expect(cluster.containerCount).toBe(1);
  for (const reference of [...api.ids, 'web', api.ids[0].slice(0, 12), api.ids[1].slice(0, 12)]) {
    const answer = await fetch(`${api.url}/containers/${reference}/json`);
    expect([reference, answer.status, answer.status === 200 ? '' : await answer.text()]).toEqual([reference, 200, '']);
    const { Id, Node, Config } = (await answer.json()) as {
      Id: string;
      Node: { Name: string };
      Config: { Labels: object };
    };
    expect([Id, Node.Name, Config.Labels]).toEqual([api.ids[0], 'node-2', { app: 'web' }]);
  }
});
