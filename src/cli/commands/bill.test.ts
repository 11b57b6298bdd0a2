import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { fakeIo } from '../../../test/fakes/fake-io.ts';
import { FakeManager } from '../../../test/fakes/fake-manager.ts';
import { eventually } from '../../../test/fakes/wait.ts';
import { run } from '../program.ts';

const HETZNER = ['provider=hetzner', 'region=nbg1', 'instance-type=cx23'];
const LIST = {
  ...{ provider: 'hetzner', asOf: '2020-01-01T00:00:00Z', egress: [] },
  machines: [
    {
      ...{ region: 'nbg1', instanceType: 'cx23', isSpot: false, currency: 'EUR', given: 'both' },
      ...{ nanosPerHour: 5_600_000, nanosPerMonth: 3_490_000_000 },
    },
  ],
};

let manager: FakeManager;
let folder: string;

beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'enxame-bill-'));
  const file = join(folder, 'manager.yml');
  await writeFile(file, 'prices:\n  - { node: node-2, price: 10.80 USD/month }\n');
  manager = await FakeManager.start(
    [
      { images: ['redis:latest'], labels: ['io.enxame.price=10 EUR/month', ...HETZNER] },
      { labels: ['provider=aws', 'region=eu-west-1', '=odd'] },
      { labels: HETZNER },
      {},
    ],
    { prices: { files: [file], rates: [] } },
  );
  const HostConfig = { NanoCpus: 1e9 };
  const Labels = { 'com.docker.compose.project': 'shop', 'com.docker.compose.service': 'web' };
  await manager.create('web', { HostConfig, Labels: { ...Labels }, Env: ['constraint:node==node-1'] });
  await manager.create('free', { Env: ['constraint:node==node-1'] });
});

afterAll(async () => {
  await manager.close();
  await rm(folder, { recursive: true });
});

async function enxame(...args: readonly string[]) {
  const io = fakeIo();
  const code = await run([...args, '-H', manager.url.replace('http', 'tcp')], io);
  return { code, out: io.stdout(), err: io.stderr() };
}

describe('enxame bill', () => {
  it('shows what is known, names what is not, and never adds up currencies', async () => {
    const { code, out } = await enxame('bill');
    expect(code).toBe(0);
    expect(out).toMatch(/^10\.00 EUR \+ 10\.80 USD a month \(0\.0137 EUR \+ 0\.0148 USD an hour\) for 2 of 4 nodes/);
    expect(out).toMatch(/^hetzner nbg1 +2 +2 +10\.00 EUR +\d+% +1 node without a price$/m);
    expect(out).toMatch(/^\(no label provider\) +1 +0 +unknown/m);
    expect(out).toMatch(/^shop +1 +1 +\d\.\d\d EUR$/m);
    expect(out).toMatch(/^\(idle\) +4 +0 +9\.\d\d EUR \+ 10\.80 USD$/m);
    expect(out).toContain('2 of 4 nodes without a known price, not in the sums:\n  node-3: no price list of hetzner\n');
    expect(out).toContain('  node-4: no label io.enxame.price, no entry of a price file, and no label provider,');
    expect(out).toContain('Several currencies stand side by side');
    expect(out).toContain('1 container without reservations: what it uses counts as idle');
    expect(out).toContain('Not counted: traffic, storage that is billed apart, taxes');
  });

  it('converts with a rate that is said', async () => {
    const { out } = await enxame('bill', '--currency', 'EUR', '--rate', 'EUR/USD=1.08', '--by', 'node');
    expect(out).toMatch(/^20\.00 EUR a month/);
    expect(out).toMatch(/^node-2 +aws +eu-west-1 +10\.00 EUR +0% +.*manager\.yml:2$/m);
    expect(out).toContain('Converted: 1 EUR = 1.08 USD (--rate)');
  });

  it('takes prices of the person before those of the manager', async () => {
    const file = join(folder, 'own.yml');
    await writeFile(
      file,
      'currency: EUR\nprices:\n  - { provider: aws, price: 1/h }\n  - { node: node-4, price: 0/h }\n',
    );
    const { out } = await enxame('bill', '--prices', file, '--format', 'json');
    const bill = JSON.parse(out);
    expect(bill).toMatchObject({ currency: 'EUR', total: { nodes: 4, unpriced: 1 } });
    expect(bill.nodes[1]).toMatchObject({ amount: { perMonth: '730' }, source: `${file}:3` });
    expect(bill.nodes[3]).toMatchObject({ amount: { perMonth: '0' } });
    expect(bill.nodes[2].amount).toBeUndefined();
  });

  it.each([
    [['--by', 'node'], 5, /^node-2,[^,]+,Healthy,aws,eu-west-1,,false,0,0\.0000,USD,0\.014794521,10\.8,10\.8,\S+,,$/m],
    [['--by', 'project'], 3, /^shop,1,0,1,0,EUR,/m],
    [['--by', 'provider'], 4, /^"",1,1,0,0,,,,$|^,1,1,0,0,,,,$/m],
  ])('has comma-separated values %j', async (flags, lines, line) => {
    const { out } = await enxame('bill', '--format', 'csv', ...flags);
    expect(out.trimEnd().split('\n')).toHaveLength(lines);
    expect(out).toMatch(line);
  });

  it.each([
    [['--currency', 'EUR'], 1, 'no rate leads from USD (node-2) to EUR: give one, like --rate USD/EUR=…'],
    [['--currency', 'euro'], 2, '--currency should be three capital letters, like EUR, not "euro"'],
    [['--rate', 'EUR=1'], 2, '--rate "EUR=1": a rate is like "EUR/USD=1.08"'],
    [['--prices', '/no/prices.yml'], 2, 'the price file /no/prices.yml cannot be read: there is no such file'],
  ])('refuses %j', async (flags, code, message) => {
    const seen = await enxame('bill', ...flags);
    expect([seen.code, seen.out]).toEqual([code, '']);
    expect(seen.err).toContain(message);
  });

  it('follows what containers reserve', async () => {
    const reserved = async () => (await manager.call('GET', '/enxame/v1/bill')).json.nodes[0].reserved;
    const before = await reserved();
    const id = await manager.create('more', { HostConfig: { NanoCpus: 2e9 }, Env: ['constraint:node==node-1'] });
    expect(await reserved()).toBeGreaterThan(before);
    expect((await manager.call('DELETE', `/containers/${id}`)).status).toBe(204);
    expect(await reserved()).toBe(before);
  });

  it('is answered by the manager too', async () => {
    const { status, json } = await manager.call('GET', '/enxame/v1/bill');
    expect([status, json.total.unpriced]).toEqual([200, 2]);
    expect((await manager.call('GET', '/enxame/v1/bill?currency=EUR')).status).toBe(400);
    expect((await manager.call('GET', '/enxame/v1/bill?currency=')).json.message).toBe(
      'currency should be three capital letters, like EUR',
    );
  });
});

describe('what a manager knows of prices', () => {
  it('has lists that were handed to it, until they are removed', async () => {
    expect((await manager.call('POST', '/enxame/v1/prices', LIST)).status).toBe(204);
    const { out } = await enxame('bill', '--by', 'node');
    expect(out).toMatch(/^node-3 .* 3\.49 EUR +0% +list of hetzner, 2020-01-01$/m);
    expect(out).toMatch(/^Warning: the prices in the list of hetzner are \d+ days old: run 'enxame prices update'$/m);
    expect((await manager.call('DELETE', '/enxame/v1/prices/hetzner')).status).toBe(204);
    expect((await manager.call('DELETE', '/enxame/v1/prices/hetzner')).status).toBe(404);
    expect((await enxame('bill')).out).toContain('node-3: no price list of hetzner');
  });

  it.each([
    [{}, 'provider: '],
    [{ ...LIST, provider: '../x' }, 'provider: a provider has small letters'],
    [{ ...LIST, asOf: 'yesterday' }, 'asOf: '],
    [{ ...LIST, machines: [{ ...LIST.machines[0], nanosPerHour: -1 }] }, 'machines.0.nanosPerHour: '],
    [
      { ...LIST, machines: [{ ...LIST.machines[0], currency: '€' }] },
      'machines.0.currency: a currency has three letters',
    ],
  ])('takes no nonsense (%#)', async (list, message) => {
    const { status, json } = await manager.call('POST', '/enxame/v1/prices', list);
    expect([status, json.message]).toEqual([400, expect.stringContaining(`this is no price list: ${message}`)]);
  });

  it('follows its price file, and keeps what it said while it is wrong', async () => {
    const file = join(folder, 'manager.yml');
    const perMonth = async () => (await manager.call('GET', '/enxame/v1/bill')).json.nodes[1].amount?.perMonth;
    await writeFile(file, 'prices:\n  - { node: node-2, price: 21.5 USD/month }\n');
    await eventually(async () => expect(await perMonth()).toBe('21.5'));
    await writeFile(file, 'prices: [');
    expect(await perMonth()).toBe('21.5');
  });
});
