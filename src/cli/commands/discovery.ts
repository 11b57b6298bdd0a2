import { join } from 'node:path';
import type { Command } from 'commander';
import { UsageError } from '../../common/errors.ts';
import { parseListenAddress } from '../../common/listen-address.ts';
import { stateDir } from '../../common/state-dir.ts';
import { assertForServers, readTlsFiles, type TlsServerOptions, tlsServerOptions } from '../../common/tls-files.ts';
import { startTokenService } from '../../discovery/service/service.ts';
import { DEFAULT_TOKEN_SERVICE_PORT } from '../../discovery/token-address.ts';
import type { CommandContext } from '../command.ts';

interface Flags {
  readonly host: string;
  readonly stateDir?: string;
  readonly tlscacert?: string;
  readonly tlscert?: string;
  readonly tlskey?: string;
  readonly insecure?: boolean;
}

const EXAMPLES = `
Examples:
  $ enxame discovery                                          # for clients on this host only
  $ enxame discovery -H tcp://:2374 --tlscert cert.pem --tlskey key.pem
  $ curl -X POST http://127.0.0.1:2374/v1/clusters            # as 'enxame create' does`;

/** `enxame discovery`: the token service. */
export function configure(command: Command, context: CommandContext): void {
  command
    .option('-H, --host <address>', 'address to listen on', `tcp://127.0.0.1:${DEFAULT_TOKEN_SERVICE_PORT}`)
    .option('--state-dir <folder>', 'folder for tokens, or none ($ENXAME_STATE_DIR)')
    .option('--tlscert <file>', 'certificate of the service')
    .option('--tlskey <file>', 'key of the certificate')
    .option('--tlscacert <file>', 'require client certificates from this authority')
    .option('--insecure', 'allow remote clients without TLS')
    .addHelpText('after', EXAMPLES)
    .action((flags: Flags) => serve(flags, context));
}

async function serve(flags: Flags, context: CommandContext): Promise<void> {
  const folder = stateDir(flags.stateDir, context.env, context.isRoot);
  const service = await startTokenService({
    listen: parseListenAddress(flags.host),
    stateFolder: folder === undefined ? undefined : join(folder, 'discovery'),
    tls: await serverTls(flags),
    insecure: flags.insecure ?? false,
    logger: await context.logger(),
  });
  const stop = context.stopSignal();
  context.out(
    `Token service at ${service.url}, ${folder === undefined ? 'tokens in memory only' : `tokens in ${folder}`}\n`,
  );
  await new Promise<void>((resolve) => stop.addEventListener('abort', () => resolve(), { once: true }));
  await service.close();
}

async function serverTls(flags: Flags): Promise<TlsServerOptions | undefined> {
  const material = await readTlsFiles({ ca: flags.tlscacert, cert: flags.tlscert, key: flags.tlskey });
  assertForServers(material);
  const tls = tlsServerOptions(material);
  if (tls === undefined && material.ca !== undefined) {
    throw new UsageError('--tlscacert asks for client certificates, which needs --tlscert and --tlskey');
  }
  return tls;
}
