import { expect, test } from 'vitest';
import { parseListenAddress } from '../../../common/listen-address.ts';
import type { ManageFlags } from './flags.ts';
import { readPublish } from './publish.ts';

test.each<[readonly string[], string | undefined, string | undefined]>([
  [['tcp://127.0.0.1:2375'], undefined, '127.0.0.1'],
  [['tcp://:3376'], undefined, undefined],
  [['unix:///run/e.sock', 'tcp://10.0.0.1:3376'], undefined, '10.0.0.1'],
  [['unix:///run/e.sock'], undefined, '127.0.0.1'],
  [['tcp://127.0.0.1:2375'], '10.0.0.7', '10.0.0.7'],
])('a manager at %j with --publish-address %s publishes at %s', async (hosts, publishAddress, expected) => {
  const flags = { publishAt: 'endpoint', publishAddress } as ManageFlags;
  expect(await readPublish(flags, hosts.map(parseListenAddress))).toMatchObject({ at: 'endpoint', host: expected });
});

test('what is no address of a host is refused', async () => {
  const flags = { publishAt: 'endpoint', publishAddress: 'eth0' } as ManageFlags;
  await expect(readPublish(flags, [])).rejects.toThrow(/--publish-address should be an IP address of this host/);
});
