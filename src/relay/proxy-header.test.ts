import { expect, test } from 'vitest';
import { type ConnectionEnds, type ProxyVersion, proxyHeader } from './proxy-header.ts';

const V4: ConnectionEnds = {
  remoteAddress: '203.0.113.7',
  remotePort: 51000,
  localAddress: '10.0.0.1',
  localPort: 8080,
};
const V6: ConnectionEnds = { ...V4, remoteAddress: '2001:db8::7', localAddress: 'fe80::1%eth0' };
const MAPPED: ConnectionEnds = { ...V4, remoteAddress: '::ffff:203.0.113.7', localAddress: '::ffff:10.0.0.1' };

test.each<[ConnectionEnds, string]>([
  [V4, 'PROXY TCP4 203.0.113.7 10.0.0.1 51000 8080\r\n'],
  [MAPPED, 'PROXY TCP4 203.0.113.7 10.0.0.1 51000 8080\r\n'],
  [V6, 'PROXY TCP6 2001:db8::7 fe80::1 51000 8080\r\n'],
  [{}, 'PROXY UNKNOWN\r\n'],
])('version 1 of %j', (ends, expected) => {
  expect(proxyHeader('v1', ends).toString()).toBe(expected);
});

const SIGNATURE = '0d0a0d0a000d0a515549540a';

test.each<[ConnectionEnds, string]>([
  [V4, '2111000c' + 'cb007107' + '0a000001' + 'c738' + '1f90'],
  [MAPPED, '2111000c' + 'cb007107' + '0a000001' + 'c738' + '1f90'],
  [V6, '21210024' + '20010db8000000000000000000000007' + 'fe800000000000000000000000000001' + 'c738' + '1f90'],
  [{}, '20000000'],
])('version 2 of %j', (ends, expected) => {
  const version: ProxyVersion = 'v2';
  expect(proxyHeader(version, ends).toString('hex')).toBe(SIGNATURE + expected);
});
