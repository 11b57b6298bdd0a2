import { join } from 'node:path';
import { isLoopback, parseListenAddress } from '../../../common/listen-address.ts';
import type { Logger } from '../../../common/logger.ts';
import type { TlsServerOptions } from '../../../common/tls-files.ts';
import { startTokenService, type TokenService } from '../../../discovery/service/service.ts';
import { DEFAULT_TOKEN_SERVICE_PORT } from '../../../discovery/token-address.ts';
import type { ManageFlags } from './flags.ts';

/** The token service of `--discovery-service`; undefined without that flag. */
export async function startOwnTokenService(
  flags: ManageFlags,
  folder: string | undefined,
  tls: TlsServerOptions | undefined,
  logger: Logger,
): Promise<TokenService | undefined> {
  if (flags.discoveryService === undefined) return undefined;
  const address =
    flags.discoveryService === true ? `tcp://127.0.0.1:${DEFAULT_TOKEN_SERVICE_PORT}` : flags.discoveryService;
  const listen = parseListenAddress(address);
  const isLocal = listen.kind === 'unix' || isLoopback(listen.host);
  return startTokenService({
    listen,
    stateFolder: folder === undefined ? undefined : join(folder, 'discovery'),
    tls: isLocal ? undefined : tls,
    insecure: flags.insecure ?? false,
    logger,
  });
}
