import { EngineError, reasonOf } from '../common/errors.ts';

/** Whether certificates are what an engine could not be reached for; an address that begins with `tls:` says nothing about that. */
export function isTlsFailure(error: unknown): error is EngineError {
  if (!(error instanceof EngineError)) return false;
  const text = reasonOf(error).replace(/\b\w+:\/\/\S+/g, '');
  return error.code === 'ENGINE_TLS' || /certificate|altnames?\b|\b(SSL|TLS)\b|EPROTO/i.test(text);
}
