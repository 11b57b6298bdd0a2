import { afterEach, beforeAll, expect, test } from 'vitest';
import { freePort } from '../../test/fakes/free-port.ts';
import { silentLogger } from '../common/logger.ts';
import type { TlsMaterial } from '../common/tls-files.ts';
import { type Authority, createAuthority, loadAuthority } from '../pki/authority.ts';
import { openPeerPlace, type PeerPlace } from './peer-place.ts';
import { askPeers, type PeerNews } from './peers.ts';

const HEARD = { reached: 1, isManagerHeard: true };
const NOT_REACHED = { reached: 0, isManagerHeard: false };

let authority: Authority;
const opened: PeerPlace[] = [];
beforeAll(async () => {
  authority = await loadAuthority(await createAuthority('agents', Date.now()));
});
afterEach(async () => {
  for (const each of opened.splice(0)) await each.close();
});

/** What a node has that is at other addresses. */
async function materialOf(hosts: readonly string[]): Promise<TlsMaterial> {
  const { cert, key } = await authority.issue({ commonName: 'engine', purposes: ['server'], hosts });
  return { ca: Buffer.from(authority.cert), cert: Buffer.from(cert), key: Buffer.from(key) };
}

async function open(at: { host: string; port: number }, tls: TlsMaterial, meshAddress?: () => string | undefined) {
  const place = await openPeerPlace(at, {
    tls,
    hears: () => true,
    logger: silentLogger(),
    ...(meshAddress && { meshAddress }),
  });
  opened.push(place);
  return place;
}

test('one with an address of its own is told as it is given, and listens everywhere', async () => {
  const [port, tls] = [await freePort(), await materialOf(['127.0.0.1', 'far'])];
  const place = await open({ host: '192.0.2.1', port }, tls);
  expect(await place.told()).toBe(`192.0.2.1:${port}`);
  expect(await askPeers([`127.0.0.1:${port}`], { ...tls, verify: true }, 5_000)).toEqual(HEARD);
  await expect(open({ host: '192.0.2.1', port }, tls)).rejects.toThrow(/--fence-peer: cannot listen on port/);
});

test('one in the mesh follows its address there, and is known by its name', async () => {
  const [port, tls] = [await freePort(), await materialOf(['192.0.2.1', 'localhost', 'far'])];
  const asker = { ...(await materialOf(['192.0.2.9', 'near'])), verify: true };
  const ask = (peer: string): Promise<PeerNews> => askPeers([peer], asker, 5_000);
  let address: string | undefined;
  const place = await open({ host: 'mesh', port }, tls, () => address);
  expect(await place.told()).toBeUndefined();

  address = '127.0.0.2';
  expect(await place.told()).toBe(`far@127.0.0.2:${port}`);
  expect(await ask(`far@127.0.0.2:${port}`)).toEqual(HEARD);
  for (const wrong of [`127.0.0.2:${port}`, `other@127.0.0.2:${port}`, `far@127.0.0.1:${port}`])
    expect([wrong, await ask(wrong)]).toEqual([wrong, NOT_REACHED]);

  address = '127.0.0.3';
  expect(await place.told()).toBe(`far@127.0.0.3:${port}`);
  expect(await ask(`far@127.0.0.3:${port}`)).toEqual(HEARD);
  expect(await ask(`far@127.0.0.2:${port}`)).toEqual(NOT_REACHED);

  // Not an address of this host any more: nowhere, until it is one again.
  address = '192.0.2.7';
  expect(await place.told()).toBeUndefined();
  address = '127.0.0.2';
  expect(await place.told()).toBe(`far@127.0.0.2:${port}`);
});

test('one in the mesh needs a certificate with a name', async () => {
  const at = { host: 'mesh', port: await freePort() };
  await expect(open(at, await materialOf(['192.0.2.1', 'localhost']))).rejects.toThrow(
    /--fence-peer mesh:PORT: --tlscert holds for no name beside localhost/,
  );
  const plain = await open(at, {}, () => '127.0.0.2');
  expect(await plain.told()).toBe(`127.0.0.2:${at.port}`);
});
