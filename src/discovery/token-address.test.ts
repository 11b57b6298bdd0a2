import { describe, expect, it } from 'vitest';
import { redacted, serviceUrl, tokenAddress } from './token-address.ts';

const none = { insecure: false, tls: false };

describe('tokenAddress', () => {
  it.each([
    ['my.host/v1/abc', none, 'https://my.host/v1'],
    ['my.host:8443/v1/abc', none, 'https://my.host:8443/v1'],
    ['my.host/deep/er/v1/abc', none, 'https://my.host/deep/er/v1'],
    ['my.host/abc', none, 'https://my.host/v1'],
    ['my.host:2374/v1/abc', { ...none, insecure: true }, 'http://my.host:2374/v1'],
    ['127.0.0.1:2374/v1/abc', none, 'http://127.0.0.1:2374/v1'],
    ['127.8.9.1:2374/v1/abc', none, 'http://127.8.9.1:2374/v1'],
    ['localhost:2374/v1/abc', none, 'http://localhost:2374/v1'],
    ['[::1]:2374/v1/abc', none, 'http://[::1]:2374/v1'],
    ['127.0.0.1:2374/v1/abc', { ...none, tls: true }, 'https://127.0.0.1:2374/v1'],
    ['10.0.0.1:2374/v1/abc', { ...none, defaultServiceUrl: 'http://10.0.0.1:2374' }, 'http://10.0.0.1:2374/v1'],
    [
      '10.0.0.1:2374/v1/abc',
      { insecure: false, tls: true, defaultServiceUrl: 'http://10.0.0.1:2374' },
      'https://10.0.0.1:2374/v1',
    ],
    ['10.0.0.2:2374/v1/abc', { ...none, defaultServiceUrl: 'http://10.0.0.1:2374' }, 'https://10.0.0.2:2374/v1'],
    ['10.0.0.1:2375/v1/abc', { ...none, defaultServiceUrl: 'http://10.0.0.1:2374' }, 'https://10.0.0.1:2375/v1'],
    ['abc', none, 'http://127.0.0.1:2374/v1'],
    ['abc', { ...none, defaultServiceUrl: 'https://d.example.com' }, 'https://d.example.com/v1'],
    // A host name that only looks like this machine is somebody else's.
    ['127.evil.example/v1/abc', none, 'https://127.evil.example/v1'],
  ])('token://%s with %j is at %s', (rest, options, url) => {
    expect(tokenAddress(rest, options)).toEqual({ serviceUrl: url, token: 'abc' });
  });

  it.each(['', 'h/v1/', 'h/v1/a b', 'h/v1/a?b', 'h/v1/é'])('explains token://%s', (rest) => {
    expect(() => tokenAddress(rest, none)).toThrow('has no token. Write token://HOST:PORT/v1/TOKEN');
  });

  it('does not print tokens', () => {
    const token = '6856663cdefdec325839a4b7e1de38e8';
    expect(() => tokenAddress(`h h/v1/${token}`, none)).toThrow(/^((?!325839a4).)*$/);
  });
});

describe('serviceUrl', () => {
  it.each([
    [undefined, 'http://127.0.0.1:2374/v1'],
    ['http://h:1', 'http://h:1/v1'],
    ['http://h:1/', 'http://h:1/v1'],
    ['https://h/v1/', 'https://h/v1'],
    ['https://h/some/v1', 'https://h/some/v1'],
  ])('%s is %s', (text, url) => {
    expect(serviceUrl(text)).toBe(url);
  });

  it.each(['h:1', 'ftp://h', 'https://', 'https://u:p@h', 'https://h/?a=b', 'nonsense'])('explains %s', (text) => {
    expect(() => serviceUrl(text)).toThrow('bad token service address');
  });
});

describe('redacted', () => {
  it.each([
    ['6856663cdefdec325839a4b7e1de38e8', '685666…'],
    ['h/v1/6856663cdefdec325839a4b7e1de38e8', 'h/v1/685666…'],
    ['short', 'short'],
  ])('%s becomes %s', (text, shown) => {
    expect(redacted(text)).toBe(shown);
  });
});
