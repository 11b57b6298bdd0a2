import type { Command } from 'commander';
import type { Clock } from '../../common/clock.ts';
import { DiscoveryError } from '../../common/errors.ts';
import { isLoopback } from '../../common/listen-address.ts';
import { readTlsFiles, tlsClientOptions } from '../../common/tls-files.ts';
import { serviceUrl } from '../../discovery/token-address.ts';
import { openTokenClient } from '../../discovery/token-client.ts';
import type { CommandContext } from '../command.ts';
import { asUsage } from '../discovery-options.ts';

interface Flags {
  readonly service?: string;
  readonly tlscacert?: string;
  readonly tlscert?: string;
  readonly tlskey?: string;
}

const LISTENS_WITHIN_MS = 3000;

const EXAMPLES = `
Examples:
  $ token=$(enxame create)
  $ enxame create --service https://discovery.example.com:2374

The token is a secret: it is enough to add engines to the cluster.
The default service is the one on this host; 'enxame discovery' starts it.`;

/** `enxame create`: prints a new token. */
export function configure(command: Command, context: CommandContext): void {
  command
    .option('--service <url>', 'token service ($ENXAME_DISCOVERY_URL; default: the one on this host)')
    .option('--tlscacert <file>', 'certificate authority of the service')
    .option('--tlscert <file>', 'client certificate')
    .option('--tlskey <file>', 'key of the certificate')
    .addHelpText('after', EXAMPLES)
    .action((flags: Flags) => create(flags, context));
}

async function create(flags: Flags, context: CommandContext): Promise<void> {
  const url = serviceFor(flags, context);
  const material = await readTlsFiles({ ca: flags.tlscacert, cert: flags.tlscert, key: flags.tlskey });
  const client = openTokenClient(url, tlsClientOptions(material));
  try {
    const token = await patiently(() => client.create(new AbortController().signal), context.clock);
    context.out(`${token}\n`);
    if (context.isErrTerminal) context.err(hint(url, token));
  } catch (error) {
    throw withNextStep(error);
  } finally {
    await client.close();
  }
}

/** Retries a refused connection: a service started just before (`enxame discovery &`) may not listen yet. */
async function patiently(ask: () => Promise<string>, clock: Clock): Promise<string> {
  const deadline = clock.now() + LISTENS_WITHIN_MS;
  for (;;) {
    try {
      return await ask();
    } catch (error) {
      const isRefused =
        error instanceof DiscoveryError && (error.cause as { code?: unknown } | undefined)?.code === 'ECONNREFUSED';
      if (!isRefused || clock.now() >= deadline) throw error;
      await clock.sleep(100);
    }
  }
}

function serviceFor(flags: Flags, context: CommandContext): string {
  try {
    return serviceUrl(flags.service || context.env.ENXAME_DISCOVERY_URL || undefined);
  } catch (error) {
    throw asUsage(error);
  }
}

function hint(url: string, token: string): string {
  const { protocol, host, hostname, pathname } = new URL(url);
  const isPlainRemote = protocol === 'http:' && !isLoopback(hostname);
  const option = isPlainRemote ? ' --discovery-opt token.insecure=true' : '';
  return `\nNow, on each engine: enxame join --advertise HOST:PORT${option} token://${host}${pathname}/${token}\n`;
}

function withNextStep(error: unknown): unknown {
  if (!(error instanceof DiscoveryError) || error.code !== 'SERVICE_UNREACHABLE') return error;
  const next = "Start one with 'enxame discovery', or name another with --service";
  return new DiscoveryError(`${error.message}. ${next}`, error.code, error);
}
