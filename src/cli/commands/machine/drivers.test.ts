import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { FakeClock } from '../../../../test/fakes/fake-clock.ts';
import { fakeIo } from '../../../../test/fakes/fake-io.ts';
import type { DriverModule } from '../../../drivers/driver.ts';
import { driverNames } from '../../../drivers/drivers.ts';
import { run } from '../../program.ts';
import { rowOf } from './drivers.ts';

let home = '';
beforeEach(async () => {
  home = await mkdtemp(join(tmpdir(), 'drivers-cli-'));
});
afterEach(() => rm(home, { recursive: true }));

async function drivers(words: readonly string[], env: Readonly<Record<string, string>> = {}) {
  const io = fakeIo({ HOME: home, PATH: home, ...env });
  expect(await run(['machine', 'drivers', ...words], io)).toBe(0);
  return { out: io.stdout(), err: io.stderr() };
}

const acme: DriverModule = {
  api: 1,
  name: 'acme',
  summary: 'servers at Acme',
  options: [],
  open: () => {
    throw new Error('not opened');
  },
};

describe('machine drivers', () => {
  it('says where credentials are and how to get those that are not', async () => {
    const { out, err } = await drivers([], { HCLOUD_TOKEN: 's3cret' });
    expect(out).toMatch(/^hetzner .* yes +credentials: HCLOUD_TOKEN$/m);
    expect(out).toMatch(/^linode .* no +no credentials: set LINODE_TOKEN or run linode-cli configure$/m);
    expect(out).not.toContain('s3cret');
    expect(err).toContain('machine create -d DRIVER --help');
  });

  it('prints JSON and templates, and nothing besides', async () => {
    const { out, err } = await drivers(['--json']);
    const rows = out
      .trim()
      .split('\n')
      .map((line) => JSON.parse(line) as { Name: string; Ready: string });
    expect(rows.map(({ Name }) => Name)).toEqual(expect.arrayContaining([...driverNames()]));
    expect(rows).toContainEqual(expect.objectContaining({ Name: 'none', Ready: 'yes', Needs: 'nothing' }));
    expect(err).toBe('');
    expect((await drivers(['--format', '{{.Name}}={{.Ready}}'])).out).toContain('none=yes\n');
  });
});

describe('rowOf', () => {
  const clock = new FakeClock();
  const cli = { clock, env: {} };

  it('names what is missing first', async () => {
    const needs = async () => [
      { what: 'library', isMet: true, text: 'installed' },
      { what: 'credentials', isMet: false, text: 'set ACME_TOKEN' },
    ];
    expect(await rowOf({ name: 'acme', driver: { ...acme, needs } }, cli)).toMatchObject({
      Ready: 'no',
      Needs: 'no credentials: set ACME_TOKEN; library: installed',
    });
  });

  it('does without a driver that does not tell, fails, or cannot be loaded', async () => {
    const row = await rowOf({ name: 'acme', driver: acme }, cli);
    expect(row).toEqual({ Name: 'acme', Machines: 'servers at Acme', Ready: '-', Needs: '-' });
    const needs = () => Promise.reject(new Error('no idea'));
    expect(await rowOf({ name: 'acme', driver: { ...acme, needs } }, cli)).toMatchObject({
      Ready: '-',
      Needs: 'cannot be told: no idea',
    });
    expect(await rowOf({ name: 'acme', problem: 'it is broken' }, cli)).toMatchObject({
      Ready: 'no',
      Needs: 'cannot be loaded: it is broken',
    });
  });

  it('does not wait for a driver for ever', async () => {
    const row = rowOf({ name: 'acme', driver: { ...acme, needs: () => new Promise(() => undefined) } }, cli);
    await clock.advance(5_000);
    expect(await row).toMatchObject({ Ready: '-', Needs: 'cannot be told: no answer within 5 seconds' });
  });
});
