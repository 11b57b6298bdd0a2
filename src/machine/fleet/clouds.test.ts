import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { expect, it } from 'vitest';
import { fastClock } from '../../../test/clouds/fast-clock.ts';
import * as hetzner from '../../../test/clouds/hetzner-server.ts';
import * as linode from '../../../test/clouds/linode-server.ts';
import { startOpenStack } from '../../../test/clouds/openstack/openstack-server.ts';
import { REGION, USER } from '../../../test/clouds/openstack/state.ts';
import * as scaleway from '../../../test/clouds/scaleway-server.ts';
import * as vultr from '../../../test/clouds/vultr-server.ts';
import { loadDriver } from '../../drivers/drivers.ts';
import { resolveOptions, storable } from '../../drivers/option-values.ts';
import { newRecord } from '../create.ts';
import { engineSpecOf, openMachine } from '../machine.ts';
import { openStore } from '../store.ts';
import { checkDrivers } from './check.ts';
import { parseFleet } from './file.ts';

const signal = new AbortController().signal;

const FILE = `
machines:
  a: { driver: hetzner, options: { hetzner-api-url: "\${HETZNER}" } }
  b: { driver: linode, options: { linode-url: "\${LINODE}", linode-region: eu-central } }
  c: { driver: scaleway, options: { scaleway-api-url: "\${SCALEWAY}", scaleway-image: ubuntu_noble } }
  d: { driver: vultr, options: { vultr-api-url: "\${VULTR}", vultr-os: Debian 12 x64 } }
  e: { driver: openstack, options: { openstack-flavor-name: m1.small, openstack-image-name: Debian 13 } }
`;

it('makes the machines of one file at five providers, and leaves nothing at any', async () => {
  const root = await mkdtemp(join(tmpdir(), 'fleet-clouds-'));
  const clouds = [
    await hetzner.startHetzner(),
    await linode.startLinode(),
    await scaleway.startScaleway(),
    await vultr.startVultr(),
    await startOpenStack(),
  ] as const;
  const existing = (): number[] => clouds.map(({ state }) => state.existing().length);
  const env = {
    ...{ HETZNER: clouds[0].url, LINODE: clouds[1].url, SCALEWAY: clouds[2].url, VULTR: clouds[3].url },
    ...{ HCLOUD_TOKEN: hetzner.TOKEN, LINODE_TOKEN: linode.TOKEN, VULTR_API_KEY: vultr.API_KEY },
    ...{ OS_AUTH_URL: `${clouds[4].url}/identity`, OS_USERNAME: USER, OS_PASSWORD: clouds[4].state.password },
    ...{ OS_PROJECT_NAME: 'hive', OS_REGION_NAME: REGION },
    ...{ SCW_SECRET_KEY: scaleway.SECRET_KEY, SCW_DEFAULT_PROJECT_ID: scaleway.PROJECT },
  };
  const context = { store: openStore(root), env, clock: fastClock(200) };
  const fleet = parseFleet(FILE, 'bees.yml', env);
  await checkDrivers(fleet, () => false, env);
  const machines = await Promise.all(
    fleet.machines.map(async (request) => {
      const { name, options } = await loadDriver(request.driver);
      const values = resolveOptions(name, options, request.options, env);
      const record = newRecord(request, storable(options, values, false), context.clock.now());
      return await openMachine(await context.store.add(record), context);
    }),
  );
  await Promise.all(machines.map(({ driver }) => driver.check(signal).then(() => driver.create(signal))));
  await expect
    .poll(() => Promise.all(machines.map(({ driver }) => driver.state(signal))), { timeout: 120_000 })
    .toEqual(Array.from(machines, () => 'Running'));
  const labels = await Promise.all(machines.map(async (machine) => (await engineSpecOf(machine, signal)).labels));
  expect(labels).toMatchObject([
    { provider: 'hetzner', region: 'nbg1', 'instance-type': 'cx23' },
    { provider: 'linode', region: 'eu-central', 'instance-type': 'g6-standard-1' },
    { provider: 'scaleway', region: 'fr-par', zone: 'fr-par-1', 'instance-type': 'DEV1-S' },
    { provider: 'vultr', region: 'ewr', 'instance-type': 'vc2-1c-2gb' },
    { provider: 'openstack', region: REGION, 'instance-type': 'm1.small' },
  ]);
  expect(existing()).toEqual([3, 2, 4, 3, 3]);
  await Promise.all(machines.map(({ driver }) => driver.remove(signal)));
  expect(existing()).toEqual(clouds.map(() => 0));
  for (const { stored } of machines) expect(stored.record.resources).toEqual([]);
  await Promise.all([...machines, ...clouds].map((each) => each.close()));
  await rm(root, { recursive: true });
});
