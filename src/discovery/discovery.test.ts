import { describe, expect, it } from 'vitest';
import { systemClock } from '../common/clock.ts';
import { openDiscovery } from './discovery.ts';

const settings = { heartbeatMs: 60_000, clock: systemClock, options: new Map<string, string>(), env: {} };
const never = new AbortController().signal;

describe('openDiscovery', () => {
  it.each([
    ['nodes://a:1,b:1', 'nodes', ['a:1', 'b:1']],
    ['NODES://a:1', 'nodes', ['a:1']],
    ['a:1,b:1', 'nodes', ['a:1', 'b:1']],
    [' a:1 ', 'nodes', ['a:1']],
    ['[::1]:2375', 'nodes', ['[::1]:2375']],
    ['tcp://a:1,tls://b:1', 'nodes', ['tcp://a:1', 'tls://b:1']],
    ['ssh://root@a', 'nodes', ['ssh://root@a']],
    ['a:1,unix:///run/docker.sock', 'nodes', ['a:1', 'unix:///run/docker.sock']],
  ])('"%s" is %s', async (uri, name, entries) => {
    const backend = await openDiscovery(uri, settings);
    expect(backend.name).toBe(name);
    expect((await backend.entries(never)).map((entry) => entry.canonical)).toEqual(entries);
    await backend.close();
  });

  it.each([
    ['token://127.0.0.1:1/v1/abc', 'token'],
    ['file:///etc/nodes', 'file'],
    ['etcd://127.0.0.1:1/p', 'etcd'],
    ['zk://127.0.0.1:1/p', 'zk'],
    ['consul://127.0.0.1:1/p', 'consul'],
  ])('"%s" is %s, and asks nobody yet', async (uri, name) => {
    const backend = await openDiscovery(uri, settings);
    expect(backend.name).toBe(name);
    await backend.close();
  });

  it.each([
    [
      'redis://h/p',
      'discovery service not supported: redis:// is unknown. Use token://, file://, etcd://, zk://, consul://, nodes://',
    ],
    ['__proto__://h', 'bad entry'],
  ])('explains "%s"', async (uri, why) => {
    await expect(openDiscovery(uri, settings)).rejects.toThrow(why);
  });
});
