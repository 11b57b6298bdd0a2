import { isoImage } from './iso9660.ts';

/** What a new machine is told at its first start. */
export interface Seed {
  /** Changes when the machine is another one: cloud-init then runs anew. */
  readonly instanceId: string;
  readonly hostname: string;
  /** May log in with the key and use sudo without a password. */
  readonly user: string;
  /** One line of authorized_keys. */
  readonly publicKey: string;
  /** A fixed address for the interface with that MAC address; absent: DHCP everywhere. */
  readonly network?: StaticNetwork | undefined;
}

/** A fixed address. */
export interface StaticNetwork {
  readonly mac: string;
  /** `192.168.1.7/24`. */
  readonly address: string;
  readonly gateway?: string | undefined;
  readonly nameservers?: readonly string[] | undefined;
  /** Interfaces beside it that use DHCP, by MAC address. */
  readonly dhcp?: readonly string[] | undefined;
}

/** A disc for cloud-init's NoCloud data source, which is found by its label. */
export function seedImage(seed: Seed): Buffer {
  return isoImage('cidata', [
    { name: 'meta-data', content: text({ 'instance-id': seed.instanceId, 'local-hostname': seed.hostname }) },
    { name: 'user-data', content: `#cloud-config\n${text(userData(seed))}` },
    ...(seed.network === undefined ? [] : [{ name: 'network-config', content: text(networkConfig(seed.network)) }]),
  ]);
}

function userData({ hostname, user, publicKey }: Seed): object {
  return {
    hostname,
    manage_etc_hosts: 'localhost',
    ssh_pwauth: false,
    disable_root: true,
    users: [
      {
        name: user,
        gecos: 'enxame',
        shell: '/bin/bash',
        sudo: 'ALL=(ALL) NOPASSWD:ALL',
        lock_passwd: true,
        ssh_authorized_keys: [publicKey.trim()],
      },
    ],
  };
}

/** cloud-init's network configuration, version 2. */
function networkConfig({ mac, address, gateway, nameservers = [], dhcp = [] }: StaticNetwork): object {
  const fixed = {
    match: { macaddress: mac },
    addresses: [address],
    ...(gateway === undefined ? {} : { routes: [{ to: '0.0.0.0/0', via: gateway }] }),
    ...(nameservers.length === 0 ? {} : { nameservers: { addresses: nameservers } }),
  };
  const others = dhcp.map((each, index): [string, object] => [
    `dhcp${index}`,
    { match: { macaddress: each }, dhcp4: true },
  ]);
  return { version: 2, ethernets: { fixed, ...Object.fromEntries(others) } };
}

/** JSON is YAML. */
function text(value: object): string {
  return `${JSON.stringify(value, null, 2)}\n`;
}
