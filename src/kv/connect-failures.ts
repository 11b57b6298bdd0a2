import { type ClusterError, reasonOf } from '../common/errors.ts';
import { codeOf, storeError } from './shared/store-errors.ts';

/**
 * What a connection to a server of a store failed with, in one line that says what to do next. Trust, and what speaks no TLS, do not mend
 * themselves: `STORE_TLS`. All else is `STORE_UNAVAILABLE`, with `why` where the error's own words are a library's.
 */
export function connectFailure(
  name: string,
  place: string,
  error: unknown,
  { isTls, why }: { readonly isTls: boolean; readonly why?: string | undefined },
): ClusterError {
  const code = String(codeOf(error) ?? '');
  if (/^(EPROTO|ERR_SSL_)/.test(code) || isAlert(error)) {
    const next = /alert|ERR_SSL_/.test(`${code} ${reasonOf(error)}`)
      ? 'it refuses our certificate, or asks for one. Give kv.certfile and kv.keyfile'
      : 'what listens there speaks no TLS. Leave out kv.cacertfile, kv.certfile and kv.keyfile if it is to be so';
    return storeError('STORE_TLS', `no ${name} at ${place}: ${next}`, error);
  }
  if (/CERT|SELF_SIGNED|UNABLE_TO_VERIFY|ERR_TLS/.test(code)) {
    const next = '. Name the authority of its certificate: --discovery-opt kv.cacertfile=FILE';
    return storeError('STORE_TLS', `${name} at ${place} is not trusted: ${reasonOf(error)}${next}`, error);
  }
  const hint = code === 'UND_ERR_SOCKET' || code === 'ECONNRESET' ? hintOf(isTls) : '';
  return storeError('STORE_UNAVAILABLE', `no ${name} answers at ${place}: ${why ?? reasonOf(error)}${hint}`, error);
}

/**
 * What a connection that was ended may want. A server without TLS may end it before its own words are seen; with TLS 1.3 one that misses a
 * certificate of ours ends it after it was made.
 */
function hintOf(isTls: boolean): string {
  return isTls
    ? '. If it speaks no TLS, leave out kv.cacertfile; if it asks for a client certificate, give kv.certfile and kv.keyfile that it trusts'
    : '. Does it speak TLS? Then give kv.cacertfile';
}

function isAlert(error: unknown): boolean {
  return /ssl.*alert|alert.*(handshake|certificate)/i.test(reasonOf(error));
}
