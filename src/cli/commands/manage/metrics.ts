import { UsageError } from '../../../common/errors.ts';
import { parseListenAddress } from '../../../common/listen-address.ts';
import { assertSafeListener, type TlsServerOptions } from '../../../common/tls-files.ts';
import type { ObservationOptions } from '../../../manager/observation.ts';
import type { CommandContext } from '../../command.ts';
import { DEFAULT_METRICS, type ManageFlags } from './flags.ts';

/**
 * Where metrics are served; undefined without `--metrics`. Throws `UsageError` for an address that others could use without client
 * certificates, and when the address was meant as the discovery argument.
 */
export function readMetrics(
  flags: ManageFlags,
  discovery: string | undefined,
  env: CommandContext['env'],
  tls: TlsServerOptions | undefined,
): ObservationOptions | undefined {
  if (flags.metrics === undefined) return undefined;
  const text = flags.metrics === true ? DEFAULT_METRICS : flags.metrics;
  if (text === flags.metrics && discovery === undefined && !env.ENXAME_DISCOVERY && !env.SWARM_DISCOVERY)
    throw new UsageError(
      `--metrics took "${text}" as its address, and no discovery argument is left: write --metrics at the end, or --metrics=ADDRESS`,
    );
  const address = parseListenAddress(text);
  const protection = tls === undefined ? 'plain' : tls.requestCert ? 'mutual-tls' : 'tls';
  assertSafeListener(address, protection, 'mutual-tls', flags.insecure ?? false);
  return { address, tls, allowHosts: flags.allowHost, detail: flags.metricsDetail };
}
