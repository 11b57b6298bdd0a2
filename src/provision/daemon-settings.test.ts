import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { mergeSettings, same, wantedSettings } from './daemon-settings.ts';
import type { EngineSpec } from './provisioner.ts';

const SPEC: EngineSpec = {
  name: 'queen',
  driver: 'generic',
  port: 2376,
  labels: { provider: 'generic' },
  options: [],
  env: [],
  insecureRegistries: [],
  registryMirrors: [],
};

describe('mergeSettings', () => {
  const cases = [
    { name: 'an empty machine', current: {}, last: {}, wanted: { a: 1 }, merged: { a: 1 } },
    {
      name: 'what others wrote',
      current: { dns: ['1.1.1.1'] },
      last: {},
      wanted: { a: 1 },
      merged: { dns: ['1.1.1.1'], a: 1 },
    },
    { name: 'what we do not want any more', current: { a: 1, b: 2 }, last: { a: 1 }, wanted: {}, merged: { b: 2 } },
    { name: 'what somebody changed after us', current: { a: 5 }, last: { a: 1 }, wanted: {}, merged: { a: 5 } },
    {
      name: 'our part of a list',
      current: { labels: ['theirs=1', 'ours=1'] },
      last: { labels: ['ours=1'] },
      wanted: { labels: ['ours=2'] },
      merged: { labels: ['theirs=1', 'ours=2'] },
    },
    {
      name: 'a label of theirs that we want otherwise',
      current: { labels: ['zone=a', 'rack=4'] },
      last: {},
      wanted: { labels: ['zone=b'] },
      merged: { labels: ['rack=4', 'zone=b'] },
    },
    {
      name: 'the sockets',
      current: { hosts: ['tcp://0.0.0.0:2375'] },
      last: {},
      wanted: { hosts: ['unix:///var/run/docker.sock'] },
      merged: { hosts: ['unix:///var/run/docker.sock'] },
    },
  ];
  it.each(cases)('keeps order with $name', ({ current, last, wanted, merged }) => {
    expect(mergeSettings(current, last, wanted)).toEqual(merged);
  });

  const key = fc.constantFrom('labels', 'debug', 'mtu', 'dns', 'registry-mirrors');
  const value = fc.oneof(
    fc.boolean(),
    fc.integer(),
    fc.uniqueArray(fc.constantFrom('a=1', 'a=2', 'b=1', 'c'), { maxLength: 3 }),
  );
  const settings = fc.dictionary(key, value, { maxKeys: 4 });

  it('changes nothing the second time', () => {
    fc.assert(
      fc.property(settings, settings, settings, (current, last, wanted) => {
        const once = mergeSettings(current, last, wanted);
        expect(same(mergeSettings(once, wanted, wanted), once)).toBe(true);
      }),
    );
  });

  it('takes away all it added and nothing else', () => {
    fc.assert(
      fc.property(settings, settings, (theirs, wanted) => {
        const others = Object.fromEntries(Object.entries(theirs).filter(([name]) => !(name in wanted)));
        expect(mergeSettings(mergeSettings(others, {}, wanted), wanted, {})).toEqual(others);
      }),
    );
  });
});

describe('wantedSettings', () => {
  it('have no TLS for an engine without a port', () => {
    const { port: _none, ...spec } = SPEC;
    expect(wantedSettings(spec, undefined)).toEqual({ labels: ['provider=generic'] });
  });

  it('says nothing that was not asked for', () => {
    expect(Object.keys(wantedSettings({ ...SPEC, labels: {} }, undefined))).toEqual([
      'tlsverify',
      'tlscacert',
      'tlscert',
      'tlskey',
    ]);
  });

  it('says all that was asked for', () => {
    const spec = { ...SPEC, insecureRegistries: ['a:1'], registryMirrors: ['https://m'], storageDriver: 'btrfs' };
    expect(wantedSettings(spec, ['unix:///x'])).toMatchObject({
      hosts: ['unix:///x'],
      labels: ['provider=generic'],
      'insecure-registries': ['a:1'],
      'registry-mirrors': ['https://m'],
      'storage-driver': 'btrfs',
    });
  });
});
