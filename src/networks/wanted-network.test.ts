import { describe, expect, test } from 'vitest';
import { spansNodes } from './wanted-network.ts';

describe('spansNodes', () => {
  const compose = 'compose/v2.40.3';
  const cli = 'Docker-Client/28.5.2 (linux)';
  test.each([
    { name: 'compose without driver', wanted: {}, userAgent: compose, spans: true },
    { name: 'compose with bridge', wanted: { Driver: 'bridge' }, userAgent: compose, spans: true },
    {
      name: 'older compose, which calls itself the CLI',
      wanted: { Driver: 'bridge', Labels: { 'com.docker.compose.network': 'x' } },
      userAgent: cli,
      spans: true,
    },
    {
      name: 'a bridge with constraints',
      wanted: { Driver: 'bridge', Labels: { 'com.docker.swarm.constraints': '["node==a"]' } },
      userAgent: compose,
      spans: false,
    },
    { name: 'IPv6', wanted: { EnableIPv6: true }, userAgent: compose, spans: false },
    { name: 'an IPv6 subnet', wanted: { IPAM: { Config: [{ Subnet: 'fd00::/64' }] } }, userAgent: cli, spans: false },
    { name: 'no IPv4', wanted: { EnableIPv4: false }, userAgent: cli, spans: false },
    { name: 'overlay with IPv6', wanted: { Driver: 'overlay', EnableIPv6: true }, userAgent: cli, spans: true },
    { name: 'another IPAM driver', wanted: { IPAM: { Driver: 'null' } }, userAgent: cli, spans: false },
    { name: 'the default IPAM driver', wanted: { IPAM: { Driver: 'default' } }, userAgent: cli, spans: true },
    { name: 'the CLI’s default', wanted: { Driver: 'bridge' }, userAgent: cli, spans: true },
    { name: 'the CLI with local scope', wanted: { Driver: 'bridge', Scope: 'local' }, userAgent: cli, spans: false },
    {
      name: 'bridge options',
      wanted: { Driver: 'bridge', Options: { 'com.docker.network.bridge.name': 'br9' } },
      userAgent: cli,
      spans: false,
    },
    { name: 'macvlan', wanted: { Driver: 'macvlan' }, userAgent: cli, spans: false },
    { name: 'macvlan of swarm scope', wanted: { Driver: 'macvlan', Scope: 'swarm' }, userAgent: cli, spans: true },
    { name: 'overlay', wanted: { Driver: 'overlay' }, userAgent: cli, spans: true },
    { name: 'a configuration', wanted: { ConfigOnly: true }, userAgent: cli, spans: false },
  ])('$name: $spans', ({ wanted, userAgent, spans }) => {
    expect(spansNodes(wanted, { userAgent, isSubstrateOff: false })).toBe(spans);
  });

  test('is false without substrate, but for what names overlay', () => {
    expect(spansNodes({}, { userAgent: compose, isSubstrateOff: true })).toBe(false);
    expect(spansNodes({ Driver: 'overlay' }, { userAgent: compose, isSubstrateOff: true })).toBe(true);
  });
});
