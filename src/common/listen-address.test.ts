import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { isLoopback, parseListenAddress } from './listen-address.ts';

describe('parseListenAddress', () => {
  it.each([
    ['tcp://127.0.0.1:2375', { kind: 'tcp', host: '127.0.0.1', port: 2375, text: 'tcp://127.0.0.1:2375' }],
    ['127.0.0.1:2375', { kind: 'tcp', host: '127.0.0.1', port: 2375, text: 'tcp://127.0.0.1:2375' }],
    ['TCP://localhost:0/', { kind: 'tcp', host: 'localhost', port: 0, text: 'tcp://localhost:0' }],
    [':2375', { kind: 'tcp', port: 2375, text: 'tcp://:2375' }],
    ['tcp://:2375', { kind: 'tcp', port: 2375, text: 'tcp://:2375' }],
    ['tcp://[::1]:2375', { kind: 'tcp', host: '::1', port: 2375, text: 'tcp://[::1]:2375' }],
    ['unix:///run/enxame.sock', { kind: 'unix', path: '/run/enxame.sock', text: 'unix:///run/enxame.sock' }],
  ])('reads %s', (text, address) => {
    expect(parseListenAddress(text)).toEqual(address);
  });

  it.each([
    ['', 'the port is missing or not a number'],
    ['2375', 'the port is missing or not a number'],
    ['127.0.0.1', 'the port is missing or not a number'],
    ['tcp://127.0.0.1:http', 'the port is missing or not a number'],
    ['tcp://127.0.0.1:65536', '"65536" is not a port'],
    ['tcp://127.0.0.1:2375/v1', 'the port is missing or not a number'],
    ['tcp://::1', 'an IPv6 address goes in brackets'],
    ['tcp://[nope]:1', '"[nope]" is not an IPv6 address'],
    ['tcp://a b:1', '"a b" is not a host name'],
    ['unix://run/x.sock', 'the path must be absolute'],
    [`unix:///${'x'.repeat(107)}`, 'at most 107 bytes'],
    ['fd://', 'handed over by systemd (fd://) are not supported'],
    ['npipe:////./pipe/x', '"npipe" is not something to listen on'],
  ])('explains "%s"', (text, why) => {
    expect(() => parseListenAddress(text)).toThrow(why);
    expect(() => parseListenAddress(text)).toThrow(`cannot listen on "${text}"`);
  });

  it('reads its own text back', () => {
    const host = fc.oneof(
      fc.ipV4(),
      fc.ipV6().map((address) => `[${address}]`),
      fc.constant(''),
    );
    fc.assert(
      fc.property(host, fc.integer({ min: 0, max: 65_535 }), (name, port) => {
        const address = parseListenAddress(`tcp://${name}:${port}`);
        expect(parseListenAddress(address.text)).toEqual(address);
      }),
    );
  });
});

describe('isLoopback', () => {
  it.each([
    ['127.0.0.1', true],
    ['127.255.1.2', true],
    ['::1', true],
    ['[::1]', true],
    ['::ffff:127.0.0.1', true],
    ['::ffff:7f00:1', true],
    ['0:0:0:0:0:0:0:1', true],
    ['::2', false],
    ['localhost', true],
    ['LOCALHOST', true],
    ['0.0.0.0', false],
    ['::', false],
    ['10.0.0.1', false],
    ['128.0.0.1', false],
    ['127.0.0.1.example.com', false],
    ['127.example.com', false],
    ['localhost.example.com', false],
    [undefined, false],
  ])('%s: %s', (host, expected) => {
    expect(isLoopback(host)).toBe(expected);
  });
});
