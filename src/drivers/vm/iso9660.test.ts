import { describe, expect, it } from 'vitest';
import { isoImage } from './iso9660.ts';
import { seedImage } from './seed.ts';

const SECTOR = 2048;

/** Reads the files of a disc as a system does: by its second volume descriptor, the one with the long names. */
function filesOf(image: Buffer): Record<string, string> {
  const volume = image.subarray(17 * SECTOR, 18 * SECTOR);
  expect([volume[0], volume.toString('latin1', 1, 6), volume.toString('latin1', 88, 91)]).toEqual([2, 'CD001', '%/E']);
  const files: Record<string, string> = {};
  let at = volume.readUInt32LE(156 + 2) * SECTOR;
  while ((image[at] ?? 0) > 0) {
    const length = image[at + 32] ?? 0;
    const name = Buffer.from(image.subarray(at + 33, at + 33 + length));
    const [extent, size] = [image.readUInt32LE(at + 2), image.readUInt32BE(at + 14)];
    if (length > 1)
      files[name.swap16().toString('utf16le')] = image.toString('utf8', extent * SECTOR, extent * SECTOR + size);
    at += image[at] ?? 0;
  }
  return files;
}

describe('isoImage', () => {
  it('holds files of any size under their names', () => {
    const contents = { a: '', 'meta-data': 'x'.repeat(2048), 'user-data': 'é'.repeat(3000) };
    const image = isoImage(
      'cidata',
      Object.entries(contents).map(([name, content]) => ({ name, content })),
    );
    expect(image.length % SECTOR).toBe(0);
    expect(image.readUInt32LE(16 * SECTOR + 80) * SECTOR).toBe(image.length);
    expect(image.toString('latin1', 16 * SECTOR + 40, 16 * SECTOR + 72).trim()).toBe('cidata');
    expect(filesOf(image)).toEqual({
      'a;1': contents.a,
      'meta-data;1': contents['meta-data'],
      'user-data;1': contents['user-data'],
    });
  });

  it('is the same for the same content', () => {
    const files = [{ name: 'x', content: 'y' }];
    expect(isoImage('l', files).equals(isoImage('l', files))).toBe(true);
  });
});

describe('seedImage', () => {
  const seed = { instanceId: 'i1', hostname: 'bee', user: 'enxame', publicKey: 'ssh-ed25519 AAAA x\n' };

  it('lets the user in by key and to root without a password', () => {
    const files = filesOf(seedImage(seed));
    expect(JSON.parse(files['meta-data;1'] ?? '')).toEqual({ 'instance-id': 'i1', 'local-hostname': 'bee' });
    const [first, ...rest] = (files['user-data;1'] ?? '').split('\n');
    expect(first).toBe('#cloud-config');
    expect(JSON.parse(rest.join('\n'))).toMatchObject({
      ssh_pwauth: false,
      users: [{ name: 'enxame', sudo: 'ALL=(ALL) NOPASSWD:ALL', ssh_authorized_keys: ['ssh-ed25519 AAAA x'] }],
    });
    expect(files).not.toHaveProperty('network-config;1');
  });

  it('gives it a fixed address', () => {
    const network = {
      mac: '52:54:00:00:00:01',
      address: '10.0.0.5/24',
      gateway: '10.0.0.1',
      dhcp: ['52:54:00:00:00:02'],
    };
    expect(JSON.parse(filesOf(seedImage({ ...seed, network }))['network-config;1'] ?? '')).toEqual({
      version: 2,
      ethernets: {
        fixed: {
          match: { macaddress: network.mac },
          addresses: ['10.0.0.5/24'],
          routes: [{ to: '0.0.0.0/0', via: '10.0.0.1' }],
        },
        dhcp0: { match: { macaddress: '52:54:00:00:00:02' }, dhcp4: true },
      },
    });
  });
});
