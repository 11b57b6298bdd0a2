import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import {
  type AzureServer,
  CLIENT,
  SECRET,
  SUBSCRIPTION,
  startAzure,
  TENANT,
} from '../../../test/clouds/azure/azure-server.ts';
import { testFirewall } from '../../../test/clouds/firewalls.ts';
import { RestFailure } from '../../../test/clouds/rest.ts';
import { testCloud } from '../../../test/clouds/suites.ts';
import type { OptionValues } from '../options.ts';
import { driver } from './azure.ts';

const signal = new AbortController().signal;
const DELAY_MS = 8;

/** With the certificate of its authority in a file. */
async function start(delayMs?: number): Promise<AzureServer & { readonly caFile: string }> {
  const server = await startAzure(delayMs);
  const folder = await mkdtemp(join(tmpdir(), 'azure-ca-'));
  const caFile = join(folder, 'ca.pem');
  await writeFile(caFile, server.ca);
  const close = async (): Promise<void> => {
    await server.close();
    await rm(folder, { recursive: true, force: true });
  };
  return { ...server, caFile, close };
}

const { withCloud } = testCloud('azure', {
  driver,
  start: () => start(),
  startSlow: () => start(DELAY_MS),
  account: ({ url, caFile }) => ({
    options: { 'azure-endpoint': url, 'azure-authority': url, 'azure-ca-file': caFile },
    env: {
      AZURE_SUBSCRIPTION_ID: SUBSCRIPTION,
      AZURE_TENANT_ID: TENANT,
      AZURE_CLIENT_ID: CLIENT,
      AZURE_CLIENT_SECRET: SECRET,
    },
    wrongCredentials: { AZURE_CLIENT_SECRET: 'wrong' },
  }),
  steps: 8,
  dryRun: [
    /make an SSH key/,
    /PUT resourceGroups/,
    /PUT security-group/,
    /PUT network/,
    /PUT address/,
    /PUT network-card/,
    /PUT virtual machine/,
  ],
});

function bodyOf(
  server: AzureServer,
  type: string,
): { readonly properties: Record<string, unknown>; readonly tags: unknown } {
  return server.state.resources.find((each) => each.type.endsWith(`/${type}`))?.body as never;
}

interface HeldRule {
  readonly name: string;
  readonly properties: Readonly<Record<string, unknown>>;
}

function heldRules(server: AzureServer): HeldRule[] {
  return bodyOf(server, 'networkSecurityGroups')?.properties.securityRules as HeldRule[];
}

describe('azure', () => {
  testFirewall(
    {
      isV4Only: true,
      rules: (server) =>
        heldRules(server).flatMap(({ properties: rule }) => {
          if (rule.access !== 'Allow') return [];
          const networks = [rule.sourceAddressPrefix ?? rule.sourceAddressPrefixes].flat() as string[];
          const from = networks.map((each) => (each === '*' ? '0.0.0.0/0' : each)).join();
          return [`${rule.destinationPortRange}/${String(rule.protocol).toLowerCase()} from ${from}`];
        }),
      addForeign: (server) => {
        const rule = { direction: 'Inbound', sourcePortRange: '*', destinationAddressPrefix: '*' };
        const mine = { protocol: 'Tcp', sourceAddressPrefix: '192.0.2.77/32', destinationPortRange: '9100' };
        const denied = { protocol: '*', sourceAddressPrefix: 'Internet', destinationPortRange: '*' };
        heldRules(server).push(
          { name: 'mine', properties: { ...rule, ...mine, access: 'Allow', priority: 500 } },
          { name: 'last', properties: { ...rule, ...denied, access: 'Deny', priority: 4096 } },
        );
      },
    },
    withCloud,
  );

  it('takes no name and no priority of rules that people made', () =>
    withCloud(async (server, bench) => {
      const machine = bench.driver({ ports: [22, 2376, 7946], sources: new Map([['7946/tcp', []]]) });
      await machine.create(signal);
      const theirs = {
        name: 'tcp-7946-7946',
        properties: { direction: 'Inbound', access: 'Deny', protocol: 'Tcp', priority: 102, sourceAddressPrefix: '*' },
      };
      heldRules(server).push(theirs);
      await machine.fitFirewall?.(new Map([['7946/tcp', ['192.0.2.1/32']]]), signal);
      expect(heldRules(server)[2]).toBe(theirs);
      expect(heldRules(server)[3]).toMatchObject({
        name: 'tcp-7946-7946-2',
        properties: { priority: 103, sourceAddressPrefix: '192.0.2.1/32' },
      });
      await machine.fitFirewall?.(new Map([['7946/tcp', []]]), signal);
      expect(heldRules(server).map(({ name }) => name)).toEqual(['tcp-22-22', 'tcp-2376-2376', 'tcp-7946-7946']);
    }));

  it('makes a tagged machine behind a security group for exactly the needed ports, in a group of its own', () =>
    withCloud(async (server, bench) => {
      const options = { 'azure-open-port': ['7000-7010/udp'], 'azure-tags': ['team=bees'], 'azure-zone': '2' };
      const machine = bench.driver({ options, ports: [22, 2376, 3376] });
      await machine.create(signal);
      const tags = { team: 'bees', 'enxame-machine': 'bee-1', 'enxame-id': 'm4ch1ne' };
      expect([...server.state.groups]).toMatchObject([['enxame-bee-1-m4ch1ne', { location: 'westus2', tags }]]);
      const vm = bodyOf(server, 'virtualMachines');
      expect(vm).toMatchObject({ tags, zones: ['2'], properties: { hardwareProfile: { vmSize: 'Standard_B2s' } } });
      expect(JSON.stringify(vm)).toMatch(/"disablePasswordAuthentication":true.*"keyData":"ssh-ed25519 /);
      const rules = bodyOf(server, 'networkSecurityGroups').properties.securityRules as {
        properties: Record<string, string>;
      }[];
      expect(rules.map(({ properties: rule }) => `${rule.destinationPortRange}/${rule.protocol}`)).toEqual([
        '22/Tcp',
        '2376/Tcp',
        '3376/Tcp',
        '7000-7010/Udp',
      ]);
      expect(await machine.labels(signal)).toEqual({ region: 'westus2', zone: '2', 'instance-type': 'Standard_B2s' });
      expect(await machine.shell(signal)).toMatchObject({ host: '203.0.113.21', user: 'docker-user' });
    }));

  it('takes only its own parts out of a given resource group and network', () =>
    withCloud(async (server, bench) => {
      server.state.groups.set('hive', { location: 'westus2' });
      const body = { properties: {} };
      const network = { group: 'hive', type: 'Microsoft.Network/virtualNetworks', name: 'meadow', body, power: '' };
      server.state.resources.push(network);
      const before = server.state.existing();
      const options = { 'azure-resource-group': 'hive', 'azure-vnet': 'meadow', 'azure-subnet': 'grass' };
      await bench.driver({ options }).create(signal);
      expect(JSON.stringify(bodyOf(server, 'networkInterfaces'))).toContain('virtualNetworks/meadow/subnets/grass');
      await bench.driver({ options }).remove(signal);
      expect(server.state.existing()).toEqual(before);
      expect(bench.kept).toEqual([]);
    }));

  it('removes parts again that a failed machine left in a given group', () =>
    withCloud(async (server, bench) => {
      server.state.groups.set('hive', { location: 'westus2' });
      server.fail(
        /PUT .*virtualMachines/,
        new RestFailure(409, 'SkuNotAvailable', 'The requested size is not available.'),
        1,
      );
      const options = { 'azure-resource-group': 'hive' };
      await expect(bench.driver({ options }).create(signal)).rejects.toThrow(/Try another --azure-size/);
      server.fail(
        /DELETE .*networkInterfaces/,
        new RestFailure(400, 'NicReservedForAnotherVm', 'It is reserved for 180 seconds.'),
        1,
      );
      await bench.driver({ options }).remove(signal);
      expect(server.state.existing()).toEqual(['hive']);
    }));

  it.each(['azure-use-private-ip', 'azure-no-public-ip'])('--%s', (flag) =>
    withCloud(async (server, bench) => {
      const machine = bench.driver({ options: { [flag]: true } });
      await machine.create(signal);
      expect(await machine.ip(signal)).toBe('192.168.0.4');
      expect(bodyOf(server, 'publicIPAddresses') === undefined).toBe(flag === 'azure-no-public-ip');
    }),
  );

  it('is patient when it is told to slow down', () =>
    withCloud(async (server, bench) => {
      server.throttle(1);
      await bench.driver().create(signal);
      expect(bodyOf(server, 'virtualMachines')).toBeDefined();
    }));

  const failures: readonly (readonly [RegExp, RestFailure, RegExp])[] = [
    [
      /PUT .*virtualMachines/,
      new RestFailure(
        409,
        'OperationNotAllowed',
        'Operation could not be completed as it results in exceeding approved Total Regional Cores quota.',
      ),
      /Cores quota\. Remove .*"Quotas"/,
    ],
    [
      /PUT .*virtualMachines/,
      new RestFailure(409, 'AllocationFailed', 'Allocation failed.'),
      /Try another --azure-size/,
    ],
    [
      /PUT .*roups\/[^/]*$/,
      new RestFailure(403, 'AuthorizationFailed', 'The client does not have authorization.'),
      /role "Contributor"/,
    ],
    [
      /PUT .*networkSecurity/,
      new RestFailure(409, 'MissingSubscriptionRegistration', 'Not registered.'),
      /az provider register/,
    ],
  ];
  it.each(failures)('explains a failure of %s', (call, failure, text) =>
    withCloud(async (server, bench) => {
      server.fail(call, failure, 1);
      const machine = bench.driver();
      const error: unknown = await machine.create(signal).catch((reason: unknown) => reason);
      expect(String((error as Error).message)).toMatch(text);
      expect(String((error as Error).message)).toMatch(/^Microsoft Azure: [^\n]+$/);
      await machine.remove(signal);
      expect(server.state.existing()).toEqual([]);
    }),
  );

  const misfits: readonly (readonly [OptionValues, RegExp])[] = [
    [{ 'azure-size': 'Standard_A2' }, /has no size Standard_A2 in westus2\. Did you mean Standard_B2s, Standard_M1\?/],
    [{ 'azure-location': 'northeurop' }, /has no location northeurop\. Did you mean northeurope\?/],
    [{ 'azure-image': 'Debian:debian-13:13-gen:latest' }, /with the SKU 13-gen in westus2\. Did you mean 13-gen2/],
    [{ 'azure-size': 'Standard_M1' }, /does not let this subscription use Standard_M1/],
    [{ 'azure-zone': '3' }, /has Standard_B2s not in zone 3/],
    [{ 'azure-image': 'canonical:UbuntuServer:16.04.0-LTS:latest' }, /has no image canonical:UbuntuServer/],
    [{ 'azure-resource-group': 'nowhere' }, /has no resource group nowhere/],
    [{ 'azure-vnet': 'nowhere' }, /has no subnet .*nowhere/],
  ];
  it.each(misfits)('finds out about %o before anything is made', (options, text) =>
    withCloud(async (server, bench) => {
      await expect(bench.driver({ options }).check(signal)).rejects.toThrow(text);
      expect(server.state.existing()).toEqual([]);
    }),
  );

  it('finds out that the quota is used up before anything is made', () =>
    withCloud(async (server, bench) => {
      server.state.coresUsed = 9;
      await expect(bench.driver().check(signal)).rejects.toThrow(
        /9 of 10 Total Regional vCPUs in westus2 are used, and Standard_B2s needs 2/,
      );
    }));

  const mistakes: readonly (readonly [OptionValues, RegExp])[] = [
    [{ 'azure-subscription-id': 'mine' }, /is no ID like/],
    [{ 'azure-image': 'ubuntu' }, /is no image like/],
    [{ 'azure-tags': ['team'] }, /is no tag like/],
    [{ 'azure-availability-set': 'a', 'azure-zone': '1' }, /exclude each other/],
  ];
  it.each(mistakes)('refuses %o', (options, text) =>
    withCloud(async (_server, bench) => {
      expect(() => bench.driver({ options })).toThrow(text);
    }),
  );
});
