import { generateKeyPairSync } from 'node:crypto';
import { createSocket } from 'node:dgram';
import { once } from 'node:events';
import { mkdtemp, readFile, rm, stat, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { keyOf } from '../../../test/fakes/simulated-mesh.ts';
import { KEY } from '../../mesh/protocol.ts';
import { loadState, publicKeyOf } from './mesh-state.ts';
import { boundPort, configuration, freeUdpPort, parseDump } from './wireguard.ts';

describe('configuration', () => {
  it('keeps tunnels alive, and gives a probe no addresses', () => {
    const peers = [
      { key: keyOf('a'), endpoint: '198.51.100.1:51820', allowed: ['10.231.0.1', '10.231.0.3'] },
      { key: keyOf('b'), allowed: [] },
    ];
    const order = { digest: 'd', address: '10.231.0.2', subnet: '10.231.0.0/16', mtu: 1280, peers, measured: [] };
    expect(configuration('PRIVATE', 4500, order).split('\n')).toEqual([
      '[Interface]',
      'PrivateKey = PRIVATE',
      'ListenPort = 4500',
      '[Peer]',
      `PublicKey = ${keyOf('a')}`,
      'Endpoint = 198.51.100.1:51820',
      'PersistentKeepalive = 25',
      'AllowedIPs = 10.231.0.1/32, 10.231.0.3/32',
      '[Peer]',
      `PublicKey = ${keyOf('b')}`,
      'PersistentKeepalive = 25',
      '',
    ]);
  });
});

describe('parseDump', () => {
  it('reads what wg prints, and not the private key', () => {
    const facts = parseDump(
      [
        'PRIVATE\tPUBLIC\t51820\toff',
        'A\t(none)\t198.51.100.1:51820\t10.231.0.1/32,10.231.0.3/32\t1700000000\t1234\t99\t25',
        'B\t(none)\t(none)\t(none)\t0\t0\t0\t25',
        '',
      ].join('\n'),
      1_700_000_007_400,
    );
    expect(facts).toEqual({
      key: 'PUBLIC',
      port: 51820,
      peers: [
        {
          key: 'A',
          endpoint: '198.51.100.1:51820',
          allowed: ['10.231.0.1', '10.231.0.3'],
          handshakeS: 7,
          receivedBytes: 1234,
        },
        { key: 'B', allowed: [], receivedBytes: 0 },
      ],
    });
    expect(JSON.stringify(facts)).not.toContain('PRIVATE');
  });
});

describe('UDP ports', () => {
  it('are chosen past those that are taken', async () => {
    const socket = createSocket('udp4');
    socket.bind(0);
    await once(socket, 'listening');
    const { port } = socket.address();
    expect(await boundPort(port)).toBeUndefined();
    expect(await freeUdpPort(port)).not.toBe(port);
    socket.close();
  });
});

describe('the key of a node', () => {
  it('is made once, for its owner alone, and never made anew over a file that cannot be read', async () => {
    const folder = await mkdtemp(join(tmpdir(), 'enxame-key-'));
    try {
      const made = await loadState(join(folder, 'mesh'));
      expect(made.privateKey).toMatch(KEY);
      expect(publicKeyOf(made.privateKey)).toMatch(KEY);
      expect(await loadState(join(folder, 'mesh'))).toEqual(made);
      const file = join(folder, 'mesh', 'node.json');
      expect((await stat(file)).mode & 0o777).toBe(0o600);
      await writeFile(file, '{"privateKey"');
      await expect(loadState(join(folder, 'mesh'))).rejects.toThrow('cannot be used');
      expect(await readFile(file, 'utf8')).toBe('{"privateKey"');
    } finally {
      await rm(folder, { recursive: true, force: true });
    }
  });

  it('gives the public key that belongs to it', () => {
    const { privateKey, publicKey } = generateKeyPairSync('x25519');
    const [d = '', x = ''] = [privateKey.export({ format: 'jwk' }).d, publicKey.export({ format: 'jwk' }).x];
    const own = Buffer.from(d, 'base64url').toString('base64');
    expect(publicKeyOf(own)).toBe(Buffer.from(x, 'base64url').toString('base64'));
  });
});
