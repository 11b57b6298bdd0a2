import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import ssh2 from 'ssh2';
import { describe, expect, it } from 'vitest';
import { startDigitalOcean, TOKEN } from '../../../test/clouds/digitalocean-server.ts';
import { testFirewall } from '../../../test/clouds/firewalls.ts';
import { RestFailure } from '../../../test/clouds/rest.ts';
import { testCloud } from '../../../test/clouds/suites.ts';
import type { OptionValues } from '../options.ts';
import { driver } from './digitalocean.ts';

const signal = new AbortController().signal;
const DELAY_MS = 8;

const { withCloud } = testCloud('digitalocean', {
  driver,
  start: () => startDigitalOcean(),
  startSlow: () => startDigitalOcean(DELAY_MS),
  account: ({ url }) => ({
    options: { 'digitalocean-api-url': url },
    env: { DIGITALOCEAN_ACCESS_TOKEN: TOKEN },
    wrongCredentials: { DIGITALOCEAN_ACCESS_TOKEN: 'wrong' },
  }),
  steps: 8,
  dryRun: [/make an SSH key/, /POST .*keys/, /POST .*tags/, /POST .*firewalls/, /POST .*droplets/],
});

describe('digitalocean', () => {
  testFirewall(
    {
      rules: ({ state }) => {
        type Rule = { protocol: string; ports: string; sources: { addresses: string[] } };
        const rules = state.firewalls[0]?.body.inbound_rules as readonly Rule[];
        return rules.map(({ protocol, ports, sources }) => `${ports}/${protocol} from ${sources.addresses.join()}`);
      },
      addForeign: ({ state }) => {
        const rules = state.firewalls[0]?.body.inbound_rules as unknown[];
        rules.push({ protocol: 'tcp', ports: '9100', sources: { addresses: ['192.0.2.77/32'] } });
      },
    },
    withCloud,
  );

  it('makes a Droplet of today, tagged, behind a firewall for exactly the needed ports', () =>
    withCloud(async (server, bench) => {
      const options = { 'digitalocean-open-port': ['7000-7010/udp'], 'digitalocean-tags': 'bees,work' };
      const machine = bench.driver({ options, ports: [22, 2376, 3376] });
      await machine.create(signal);
      expect(server.state.droplets[0]?.body).toMatchObject({
        name: 'bee-1',
        region: 'nyc3',
        size: 's-1vcpu-1gb',
        image: 'debian-13-x64',
        tags: ['enxame:bee-1:m4ch1ne', 'bees', 'work'],
      });
      const rules = server.state.firewalls[0]?.body.inbound_rules as { protocol: string; ports: string }[];
      expect(rules.map(({ protocol, ports }) => `${ports}/${protocol}`)).toEqual([
        '22/tcp',
        '2376/tcp',
        '3376/tcp',
        '7000-7010/udp',
      ]);
      expect(server.state.firewalls[0]?.body.tags).toEqual(['enxame:bee-1:m4ch1ne']);
      expect(await machine.labels(signal)).toEqual({ region: 'nyc3', 'instance-type': 's-1vcpu-1gb' });
      expect(await machine.shell(signal)).toMatchObject({ kind: 'ssh', host: '203.0.113.9', user: 'root', port: 22 });
    }));

  it('leaves a key alone that the account had before', () =>
    withCloud(async (server, bench) => {
      const path = join(bench.folder, 'mine');
      const key = ssh2.utils.generateKeyPairSync('ed25519');
      await writeFile(path, key.private);
      server.state.keys.push({ id: 7, name: 'mine', public_key: `${key.public} me@home`, fingerprint: 'aa:bb' });
      const machine = bench.driver({ options: { 'digitalocean-ssh-key-path': path } });
      await machine.create(signal);
      await machine.remove(signal);
      expect(server.state.keys.map(({ name }) => name)).toEqual(['mine']);
    }));

  it('reaches it at its private address', () =>
    withCloud(async (_server, bench) => {
      const machine = bench.driver({ options: { 'digitalocean-private-networking': true } });
      await machine.create(signal);
      expect(await machine.ip(signal)).toBe('10.132.0.2');
    }));

  it('is patient when it is told to slow down', () =>
    withCloud(async (server, bench) => {
      server.throttle(3);
      await bench.driver().create(signal);
      expect(server.state.droplets).toHaveLength(1);
    }));

  const failures: readonly (readonly [RegExp, RestFailure, RegExp])[] = [
    [
      /POST .*droplets/,
      new RestFailure(422, 'unprocessable_entity', 'creating this/these droplet(s) will exceed your droplet limit'),
      /droplet limit\. Remove what is not needed/,
    ],
    [
      /POST .*firewalls/,
      new RestFailure(403, 'forbidden', 'You are not authorized to perform this operation'),
      /needs read and write scope/,
    ],
    [
      /POST .*droplets/,
      new RestFailure(500, 'server_error', 'Unexpected server-side error'),
      /See status\.digitalocean\.com/,
    ],
  ];
  it.each(failures)('explains a failure of %s', (call, failure, text) =>
    withCloud(async (server, bench) => {
      server.fail(call, failure, 1);
      const machine = bench.driver();
      await expect(machine.create(signal)).rejects.toThrow(text);
      await machine.remove(signal);
      expect(server.state.existing()).toEqual([]);
    }),
  );

  const misfits: readonly (readonly [OptionValues, RegExp])[] = [
    [{ 'digitalocean-region': 'nyc2' }, /has no region nyc2 for new Droplets\. Did you mean nyc3\?/],
    [{ 'digitalocean-region': 'nyc33' }, /has no region nyc33\. Did you mean nyc3\?/],
    [{ 'digitalocean-size': 'huge' }, /has no size huge in nyc3\. There are: /],
    [{ 'digitalocean-image': 'ubuntu-16-04-x64' }, /has no image ubuntu-16-04-x64\. Did you mean ubuntu-24-04-x64\?/],
  ];
  it.each(misfits)('finds out about %o before anything is made', (options, text) =>
    withCloud(async (server, bench) => {
      await expect(bench.driver({ options }).check(signal)).rejects.toThrow(text);
      expect(server.state.existing()).toEqual([]);
    }),
  );

  it('finds out that the account is full before anything is made', () =>
    withCloud(async (server, bench) => {
      server.state.limit = 0;
      await expect(bench.driver().check(signal)).rejects.toThrow(/has 0 of 0 Droplets\. Remove some/);
    }));
});
