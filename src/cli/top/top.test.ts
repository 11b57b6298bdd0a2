import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { stripVTControlCharacters } from 'node:util';
import fc from 'fast-check';
import { afterEach, describe, expect, test, vi } from 'vitest';
import { fakeIo } from '../../../test/fakes/fake-io.ts';
import { eventually } from '../../../test/fakes/wait.ts';
import type { LatestStats } from '../../api/routes/stats.ts';
import { displayWidth } from '../output/fit.ts';
import { run } from '../program.ts';
import type { Terminal } from '../terminal.ts';
import { bytesText, topScreen } from './screen.ts';
import { FIRST_STATE, keysOf, onKey, type TopState } from './state.ts';

const closing: (() => Promise<unknown>)[] = [];
afterEach(async () => {
  for (const close of closing.splice(0).reverse()) await close();
});

const USE = { cpus: 0.5, memory: 50 * 2 ** 20, received: 1_000, sent: 10, read: 0, written: 4_096 };
const node = (name: string, cpus: number): LatestStats['nodes'][number] => ({
  ...USE,
  ...{ id: name, name, state: 'Healthy', totalCpus: 2, totalMemory: 2 ** 31, running: 3, cpus },
});
const container = (name: string, on: string, image = 'redis'): LatestStats['containers'][number] => ({
  ...USE,
  ...{ id: name.padEnd(64, '0'), name, node: on, image, memoryLimit: 2 ** 31 },
});
const STATS: LatestStats = {
  intervalSeconds: 10,
  running: 2,
  nodes: [node('bee-1', 0.25), node('bee-2', 1.5)],
  containers: [
    container('shop-checkout-1', 'bee-2', 'registry.example.com/shop/checkout:2026-01-02'),
    container('shop-db-1', 'bee-1'),
  ],
};

const plain = (lines: readonly string[]): readonly string[] => lines.map(stripVTControlCharacters);
const size = { columns: 80, rows: 24, env: {} };

describe('the screen', () => {
  test('has nodes and containers whole at 80 columns, those that use most first', () => {
    const lines = plain(topScreen(FIRST_STATE, STATS, size));
    expect(lines.map((line) => line.trimEnd()).slice(0, 7)).toEqual([
      'NODE    STATE     RUNNING       CPUS           MEMORY           NET IN / OUT',
      'bee-2   Healthy         3   1.50 / 2   50 MiB / 2 GiB   0.977 KiB/s / 10 B/s',
      'bee-1   Healthy         3   0.25 / 2   50 MiB / 2 GiB   0.977 KiB/s / 10 B/s',
      '',
      'CONTAINER        NODE   CPU %  MEMORY          NET IN / OUT  IMAGE',
      'shop-checkout-1  bee-2   50.0  50 MiB  0.977 KiB/s / 10 B/s  registry.example.c…',
      'shop-db-1        bee-1   50.0  50 MiB  0.977 KiB/s / 10 B/s  redis',
    ]);
    expect(lines.at(-1)).toContain('? for keys');
  });

  test('fills any terminal and is never wider, whatever things are called', () => {
    const aName = fc.string({ unit: 'grapheme', maxLength: 90 });
    const someStats = fc.record({
      nodes: fc.array(
        aName.map((name) => node(name, 1)),
        { maxLength: 20 },
      ),
      containers: fc.array(
        fc.tuple(aName, aName, aName).map(([a, b, c]) => container(a, b, c)),
        { maxLength: 40 },
      ),
    });
    const aState = fc.record({
      mode: fc.constantFrom<TopState['mode']>('list', 'help', 'search', 'log'),
      search: aName,
      note: aName,
      log: fc.array(aName),
    });
    fc.assert(
      fc.property(
        someStats,
        aState,
        fc.integer({ min: 20, max: 200 }),
        fc.integer({ min: 6, max: 60 }),
        (some, state, columns, rows) => {
          const stats = { ...STATS, ...some };
          const lines = topScreen({ ...FIRST_STATE, ...state }, stats, { columns, rows, env: {} });
          expect(lines).toHaveLength(rows);
          for (const line of plain(lines)) expect(displayWidth(line)).toBeLessThanOrEqual(columns);
        },
      ),
      { numRuns: 60 },
    );
  });

  test('says why there is nothing to be seen', () => {
    const lines = topScreen({ ...FIRST_STATE, note: 'no manager answers' }, undefined, size);
    expect(plain(lines).join('\n')).toContain('no manager answers');
  });
});

test.each([
  [0, '0 B'],
  [999, '999 B'],
  [1_000, '0.977 KiB'],
  [1_536, '1.5 KiB'],
  [512 * 2 ** 20, '512 MiB'],
  [2 ** 41, '2 TiB'],
])('%d bytes are %s', (bytes, text) => {
  expect(bytesText(bytes)).toBe(text);
});

describe('keys', () => {
  const after = (keys: string, from: TopState = FIRST_STATE): TopState =>
    keysOf(keys).reduce((state, key) => onKey(state, key, 2)[0], from);

  test.each([
    ['m', { sort: 'memory' }],
    ['jjjj', { selected: 1 }],
    ['\u001b[B\u001b[A', { selected: 0 }],
    ['?', { mode: 'help' }],
    ['?x', { mode: 'list' }],
    ['/web\u007f\r', { mode: 'list', search: 'we' }],
    ['/q', { mode: 'search', search: 'q' }],
    ['/web\u001b', { mode: 'list', search: '' }],
    ['p', { isHeld: true }],
    ['l', { mode: 'log' }],
    ['l\u001b', { mode: 'list' }],
    ['\u001b[5~z', FIRST_STATE],
  ])('%j', (keys, state) => {
    expect(after(keys)).toMatchObject(state);
  });

  test.each(['q', '\u0003'])('%j leaves', (key) => {
    expect(onKey(FIRST_STATE, key, 0)[1]).toBe('leave');
  });
});

/** A manager with these answers, and what it was asked. */
async function manager(stats: () => LatestStats | undefined): Promise<{ address: string; asked: string[] }> {
  const asked: string[] = [];
  const server = createServer((request, response) => {
    asked.push(request.url ?? '');
    if (request.url?.includes('/logs')) response.write('2026-01-02T03:04:05.000000000Z a line of it\n');
    else if (request.url?.startsWith('/containers')) response.end('{"Config":{"Tty":true}}');
    else {
      const answer = stats();
      response.statusCode = answer ? 200 : 503;
      response.end(
        JSON.stringify(answer ?? { message: 'this manager takes no samples: start it without --stats off' }),
      );
    }
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  closing.push(async () => {
    server.closeAllConnections();
    await new Promise((resolve) => server.close(resolve));
  });
  return { address: `tcp://127.0.0.1:${(server.address() as AddressInfo).port}`, asked };
}

class FakeTerminal implements Terminal {
  written = '';
  isTaken = false;
  press: (text: string) => void = () => undefined;

  size(): { columns: number; rows: number } {
    return { columns: 80, rows: 24 };
  }

  write(text: string): void {
    this.written += text;
  }

  take(onKeys: (text: string) => void): () => void {
    this.press = onKeys;
    this.isTaken = true;
    return () => {
      this.isTaken = false;
    };
  }

  /** Resolves when it is written from now on. */
  async shows(text: string): Promise<void> {
    await vi.waitFor(() => expect(stripVTControlCharacters(this.written)).toContain(text), 120_000);
    this.written = '';
  }
}

describe('enxame top', () => {
  test('on a terminal shows, sorts, filters, has logs, and leaves the terminal as it was', async () => {
    const { address, asked } = await manager(() => STATS);
    const terminal = new FakeTerminal();
    const ended = run(['top', '-H', address, '--interval', '200ms'], fakeIo({}, { terminal, columns: 80 }));
    await terminal.shows('shop-checkout-1');
    expect(terminal.isTaken).toBe(true);
    terminal.press('m');
    await terminal.shows('by memory');
    await vi.waitFor(() => expect(asked.at(-1)).toContain('sort=memory'), 120_000);
    terminal.press('/shop');
    await terminal.shows('Filter: shop_');
    terminal.press('\r');
    await terminal.shows('with "shop"');
    await vi.waitFor(() => expect(asked.at(-1)).toContain('search=shop'), 120_000);
    terminal.press('jl');
    await terminal.shows('Log of bee-1/shop-db-1');
    await eventually(() => expect(asked.some((each) => /^\/containers\/shop-db-10*\/logs/.test(each))).toBe(true));
    await terminal.shows('a line of it');
    terminal.press('\u001b');
    await terminal.shows('CONTAINER');
    terminal.press('?');
    await terminal.shows('choose a container');
    terminal.press('xq');
    expect(await ended).toBe(0);
    expect([terminal.isTaken, terminal.written.endsWith('\u001b[?7h\u001b[?25h\u001b[?1049l')]).toEqual([false, true]);
  });

  test('goes on when the manager was away, and says so meanwhile', async () => {
    let isAway = false;
    const { address } = await manager(() => (isAway ? undefined : STATS));
    const terminal = new FakeTerminal();
    const io = fakeIo({}, { terminal, columns: 80 });
    const ended = run(['top', '-H', address, '--interval', '200ms'], io);
    await terminal.shows('shop-db-1');
    isAway = true;
    await terminal.shows('this manager takes no samples');
    isAway = false;
    await vi.waitFor(() => {
      expect(terminal.written).toContain('by cpus');
      expect(terminal.written.split('\u001b[H').at(-1)).not.toContain('no samples');
    }, 180_000);
    io.stop();
    expect(await ended).toBe(0);
    expect(terminal.isTaken).toBe(false);
  });

  test('without a terminal prints once, nothing cut', async () => {
    const { address, asked } = await manager(() => STATS);
    const io = fakeIo();
    expect(await run(['top', '-H', address, '--sort', 'disk', '-n', '7', '--search', 'a b'], io)).toBe(0);
    expect(io.stdout()).toContain('registry.example.com/shop/checkout:2026-01-02');
    expect(io.stdout()).not.toContain('\u001b');
    expect(asked).toEqual(['/enxame/v1/stats?sort=read&search=a+b&limit=7']);
    const json = fakeIo();
    expect(await run(['top', '-H', address, '--json'], json)).toBe(0);
    expect(JSON.parse(json.stdout())).toEqual(STATS);
  });

  test.each([
    { line: ['--limit', '-3'], code: 2, says: '--limit should be a whole number up to 1000' },
    { line: ['--interval', '1ms'], code: 2, says: '--interval should be at least 200ms' },
    { line: ['--sort', 'size'], code: 2, says: 'Allowed choices are cpu, memory, network, disk' },
    { line: [], code: 1, says: 'this manager takes no samples: start it without --stats off' },
  ])('$line is refused in one line', async ({ line, code, says }) => {
    const { address } = await manager(() => undefined);
    const io = fakeIo();
    expect(await run(['top', '-H', address, ...line], io)).toBe(code);
    expect(io.stderr()).toContain(says);
  });
});
