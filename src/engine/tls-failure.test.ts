import { describe, expect, it } from 'vitest';
import { EngineError } from '../common/errors.ts';
import { isTlsFailure } from './tls-failure.ts';

describe('isTlsFailure', () => {
  it.each([
    { message: 'connect to engine tls://10.0.0.1:2376: connect ECONNREFUSED 10.0.0.1:2376', is: false },
    { message: 'connect to engine tls://10.0.0.1:2376: no answer within 10 s', is: false },
    { message: 'connect to engine tls://10.0.0.1:2376: self-signed certificate in certificate chain', is: true },
    {
      message: "connect to engine tls://a:1: Hostname/IP does not match certificate's altnames: IP: 10.0.0.2",
      is: true,
    },
    { message: 'connect to engine tls://a:1: write EPROTO 140:error:0A000412:SSL routines', is: true },
  ])('$is for $message', ({ message, is }) => {
    expect(isTlsFailure(new EngineError(message))).toBe(is);
  });

  it('believes the code', () => {
    expect(isTlsFailure(new EngineError('x', 'ENGINE_TLS'))).toBe(true);
    expect(isTlsFailure(new Error('a certificate'))).toBe(false);
  });
});
