import { hostname } from 'node:os';
import { describe, expect, test } from 'vitest';
import { parseListenAddress } from './listen-address.ts';
import { hostGuard, refuseForeignPages } from './web-guard.ts';

describe('web pages', () => {
  test.each([
    { origin: 'http://evil.example' },
    { origin: 'null' },
    { origin: 'https://127.0.0.1:2375.evil.example' },
    { origin: 'http://127.0.0.1:8080' },
    { 'sec-fetch-site': 'cross-site' },
    { 'sec-fetch-site': 'same-site' },
    { 'sec-fetch-site': 'something new' },
  ])('of other sites are refused: %j', (headers) => {
    expect(() => refuseForeignPages({ host: '127.0.0.1:2375', ...headers })).toThrow('may not use this API');
  });

  test.each([
    {},
    { 'sec-fetch-site': 'none' },
    { origin: 'http://127.0.0.1:2375', 'sec-fetch-site': 'same-origin' },
    { origin: 'HTTPS://127.0.0.1:2375' },
  ])('of our own, and clients that are no browsers, are served: %j', (headers) => {
    expect(() => refuseForeignPages({ host: '127.0.0.1:2375', ...headers })).not.toThrow();
  });
});

test('a listener without --allow-host does not propose it', () => {
  const check = hostGuard(parseListenAddress('tcp://127.0.0.1:2374'), undefined);
  expect(() => check('site.example')).toThrow(/^site\.example is not a name of this listener\. Use an address$/);
});

describe('Host', () => {
  const check = hostGuard(parseListenAddress('tcp://manager.internal:2375'), ['Swarm.Example.org']);

  test.each([
    undefined,
    '127.0.0.1:2375',
    '10.1.2.3',
    '[::1]:2375',
    '[fe80::1%eth0]',
    'localhost',
    'LOCALHOST:2375',
    'localhost.:2375',
    'api.moby.localhost',
    'docker.example.com',
    'manager.internal:2375',
    'swarm.example.org:80',
    'docker',
    hostname(),
  ])('%s is served', (host) => {
    expect(() => check(host)).not.toThrow();
  });

  test.each(['evil.example', 'evil.example:2375', '127.0.0.1.evil.example', 'localhost.evil.example', '[::1].evil'])(
    '%s is refused',
    (host) => {
      expect(() => check(host)).toThrow('is not a name of this listener');
    },
  );

  test('the refusal says what to do', () => {
    expect(() => check('rebound.example:2375')).toThrow('start it with --allow-host rebound.example');
  });
});
