import { UsageError } from '../../../common/errors.ts';
import { type ListenAddress, parseListenAddress } from '../../../common/listen-address.ts';
import {
  assertForServers,
  assertSafeListener,
  type TlsMaterial,
  type TlsServerOptions,
  tlsServerOptions,
} from '../../../common/tls-files.ts';
import type { CommandContext } from '../../command.ts';
import { DEFAULT_HOST, type ManageFlags } from './flags.ts';

/** The addresses to listen at. Throws `UsageError` for one that is open to others than this host without client certificates. */
export function readListeners(
  flags: ManageFlags,
  env: CommandContext['env'],
  tls: TlsServerOptions | undefined,
): readonly ListenAddress[] {
  const addresses = (flags.host ?? [env.ENXAME_HOST || env.SWARM_HOST || DEFAULT_HOST]).map(parseListenAddress);
  for (const address of addresses) assertListener(address, tls, flags.insecure ?? false);
  if (tls !== undefined && addresses.some(({ kind }) => kind !== 'unix')) assertForServers(tls);
  return addresses;
}

/** The TLS side of the listeners; undefined for plain ones. */
export function readServerTls(flags: ManageFlags, material: TlsMaterial): TlsServerOptions | undefined {
  if ((flags.tls || flags.tlsverify) && material.cert === undefined) {
    throw new UsageError('--tls and --tlsverify need --tlscert and --tlskey');
  }
  if (flags.tlsverify && material.ca === undefined) throw new UsageError('--tlsverify needs --tlscacert');
  // `--tls` alone encrypts without checking who the client is.
  const { ca, ...own } = material;
  return tlsServerOptions(flags.tls && !flags.tlsverify ? own : { ...own, ...(ca ? { ca } : {}) });
}

function assertListener(address: ListenAddress, tls: TlsServerOptions | undefined, insecure: boolean): void {
  assertSafeListener(
    address,
    tls === undefined ? 'plain' : tls.requestCert ? 'mutual-tls' : 'tls',
    'mutual-tls',
    insecure,
  );
}
