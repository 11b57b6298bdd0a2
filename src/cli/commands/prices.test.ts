import { afterAll, afterEach, beforeAll, describe, expect, it } from 'vitest';
import { fakeIo } from '../../../test/fakes/fake-io.ts';
import { FakeManager } from '../../../test/fakes/fake-manager.ts';
import { type ListServer, startListServer } from '../../../test/price-lists/list-server.ts';
import { run } from '../program.ts';

const RATE = { from: 'EUR', to: 'USD', factor: 1.08, source: '--rate' };

let manager: FakeManager;
let server: ListServer;
let cents = 349;

beforeAll(async () => {
  const labels = ['provider=hetzner', 'region=nbg1', 'instance-type=cx23'];
  manager = await FakeManager.start(
    [
      { labels },
      { labels: ['provider=scaleway', 'region=fr-par', 'zone=fr-par-1', 'instance-type=DEV1-S'] },
      { labels: ['provider=attic'] },
    ],
    { prices: { files: [], rates: [RATE] } },
  );
  server = await startListServer(({ path }) => {
    if (path === '/pricing') {
      const price = { net: '0.0056', gross: '0' };
      const prices = [{ location: 'nbg1', price_hourly: price, price_monthly: { net: String(cents / 100) } }];
      return { content: { pricing: { currency: 'EUR', server_types: [{ name: 'cx23', prices }] } } };
    }
    if (!path.includes('fr-par-1')) return undefined;
    return { content: { servers: { 'DEV1-S': { hourly_price: 0.0099 }, 'DEV1-M': { hourly_price: 0.0198 } } } };
  });
});

afterAll(async () => {
  await manager.close();
  await server.close();
});

afterEach(() => server.trouble('down', 0));

async function enxame(...args: readonly string[]) {
  const io = fakeIo({ HCLOUD_TOKEN: 'x', HOME: '/nonexistent' });
  const code = await run([...args, '-H', manager.url.replace('http', 'tcp')], io);
  return { code, out: io.stdout(), err: io.stderr() };
}

const mirrors = () => ['hetzner', 'scaleway'].flatMap((provider) => ['--url', `${provider}=${server.url}`]);

describe('enxame prices', () => {
  it('knows nothing at first, and says what to do', async () => {
    const { code, out } = await enxame('prices');
    expect(code).toBe(0);
    expect(out).toContain("No price lists: 'enxame prices update' reads those of the nodes' providers");
    expect(out).toContain('Currency rate: 1 EUR = 1.08 USD (--rate)');
    const shown = await enxame('prices', 'show', 'hetzner', '--region', 'nbg1');
    expect(shown.code).toBe(1);
    expect(shown.err).toContain(
      "no prices of hetzner in nbg1 are known: run 'enxame prices update hetzner --region nbg1'",
    );
  });

  it('reads the lists of the nodes’ providers and regions, for the manager to keep', async () => {
    const { code, out, err } = await enxame('prices', 'update', ...mirrors());
    expect([code, out]).toEqual([0, 'hetzner: 1 prices\nscaleway fr-par: 2 prices\n']);
    expect(err).toBe(
      'attic: no price list is known. Give its nodes the label io.enxame.price, or write a price file\n',
    );
    const listed = await enxame('prices', 'list');
    expect(listed.out).toMatch(/^hetzner +all +1 +0 +no +EUR +less than a minute$/m);
    expect(listed.out).toMatch(/^scaleway +fr-par +2 +0 +no +EUR +less than a minute$/m);
    const bill = await enxame('bill', '--by', 'node');
    expect(bill.out).toMatch(/^10\.72 EUR a month/);
    expect(bill.out).toMatch(/^node-1 .* 3\.49 EUR +0% +list of hetzner, \d{4}-\d\d-\d\d$/m);
  });

  it('shows what machines cost, the cheapest first', async () => {
    const { out } = await enxame('prices', 'show', 'scaleway');
    expect(out).toMatch(/^fr-par-1 +DEV1-S +0\.0099 EUR +7\.23 EUR\nfr-par-1 +DEV1-M +0\.0198 EUR +14\.45 EUR\n$/m);
  });

  it('keeps what it had when a list cannot be read, and says so', async () => {
    server.trouble('html', 1);
    cents = 399;
    const { code, out, err } = await enxame('prices', 'update', ...mirrors());
    expect([code, out]).toEqual([1, 'scaleway fr-par: 2 prices\n']);
    expect(err).toContain('hetzner: not read: Hetzner Cloud: 127.0.0.1');
    expect(err).toContain('1 of the lists could not be read: what was known before stays');
    expect((await enxame('prices', 'show', 'hetzner')).out).toContain('3.49 EUR');
    expect((await enxame('prices', 'update', 'hetzner', ...mirrors())).code).toBe(0);
    expect((await enxame('prices', 'show', 'hetzner')).out).toContain('3.99 EUR');
  });

  it('is for programs too, and forgets', async () => {
    const { out } = await enxame('prices', 'list', '--format', 'json');
    const rows = out
      .trimEnd()
      .split('\n')
      .map((line) => JSON.parse(line));
    expect(rows).toMatchObject([{ Provider: 'hetzner', Machines: 1, IsOld: false }, { Provider: 'scaleway' }]);
    expect((await enxame('prices', 'rm', 'hetzner')).out).toBe('hetzner: forgotten\n');
    expect((await enxame('prices', 'rm', 'hetzner')).err).toContain('no price list of "hetzner"');
  });

  it.each([
    [['update', 'hetzer'], 2, 'no price list of "hetzer" is known. Did you mean "hetzner"?'],
    [['update', '--region', 'x'], 2, '--region is about one provider'],
    [['update', 'azure'], 1, 'azure: its prices are by region, and no node of it has the label region: give --region'],
    [['update', '--url', 'hetzner'], 2, '--url "hetzner" should be like hetzner=https://mirror.example.org/v1'],
  ])('refuses %j', async (args, code, message) => {
    const seen = await enxame('prices', ...args);
    expect([seen.code, seen.out]).toEqual([code, '']);
    expect(seen.err).toContain(message);
  });
});
