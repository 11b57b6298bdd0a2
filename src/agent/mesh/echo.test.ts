import { createSocket, Socket } from 'node:dgram';
import { once } from 'node:events';
import { afterEach, describe, expect, it, vi } from 'vitest';
import { Echo } from './echo.ts';
import { boundPort } from './wireguard.ts';

const open: Echo[] = [];

async function echo(port: number, address: string): Promise<Echo> {
  const made = new Echo(() => performance.now(), port);
  await made.listen(address);
  open.push(made);
  return made;
}

afterEach(async () => {
  for (const each of open.splice(0)) await each.close();
});

describe('the measuring of ways', () => {
  it('tells latency where packets come back, and loss where they do not', async () => {
    const port = (await boundPort(0)) ?? 0;
    const one = await echo(port, '127.0.0.1');
    await echo(port, '127.0.0.2');
    one.measure(['127.0.0.2', '127.0.0.3'], 1280);
    await expect
      .poll(() => {
        one.tick();
        return one.report();
      })
      .toMatchObject([
        { address: '127.0.0.2', latencyMs: expect.any(Number), missed: 0, isNarrow: false },
        { address: '127.0.0.3', missed: expect.toSatisfy((missed: number) => missed > 3) },
      ]);
    const [, lost] = one.report();
    expect(lost?.lost).toBe(lost?.sent);
    one.measure(['127.0.0.3'], 1280);
    expect(one.report().map(({ address }) => address)).toEqual(['127.0.0.3']);
  });

  it.each([
    [100, { isNarrow: true }, []],
    [1_000, { isNarrow: false, mtu: 1_024 }, [['127.0.0.2', 1_024]]],
  ])('finds out what arrives where packets of %i bytes do', async (carries, expected, told) => {
    const port = (await boundPort(0)) ?? 0;
    const onFit = vi.fn();
    const one = new Echo(() => performance.now(), port, onFit);
    await one.listen('127.0.0.1');
    open.push(one);
    const narrow = createSocket('udp4');
    narrow.bind(port, '127.0.0.2');
    await once(narrow, 'listening');
    narrow.on('message', (message, { port: to, address }) => {
      if (message.length > carries) return;
      Buffer.from('ENXMANS1').copy(message);
      narrow.send(message, to, address);
    });
    one.measure(['127.0.0.2'], 1280);
    await expect
      .poll(async () => {
        // What is on its way arrives before it counts as lost.
        for (let turn = 0; turn < 6; turn += 1) await new Promise((resolve) => setImmediate(resolve));
        one.tick();
        return one.report()[0];
      })
      .toMatchObject(expected);
    expect(onFit.mock.calls).toEqual(told);
    // Another way is measured from the start.
    const fits = new Map([['127.0.0.2', 1_024]]);
    one.measure(['127.0.0.2'], 1280, { fits, moved: new Set(['127.0.0.2']) });
    expect(onFit.mock.calls).toEqual([...told, ...told.map(([address]) => [address, undefined])]);
    narrow.close();
  });

  it('outlives a packet from port 0, which nobody can answer', async () => {
    const bind = vi.spyOn(Socket.prototype, 'bind');
    await echo((await boundPort(0)) ?? 0, '127.0.0.1');
    const own = bind.mock.contexts.at(-1) as Socket;
    bind.mockRestore();
    const message = Buffer.from('ENXMASK1....');
    const from = { address: '127.0.0.1', port: 0, family: 'IPv4', size: message.length };
    expect(() => own.emit('message', message, from)).not.toThrow();
  });
});
