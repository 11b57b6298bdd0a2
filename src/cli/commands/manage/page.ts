import { UsageError } from '../../../common/errors.ts';
import { parseListenAddress } from '../../../common/listen-address.ts';
import { assertSafeListener, type TlsServerOptions } from '../../../common/tls-files.ts';
import type { PageOptions } from '../../../page/page.ts';
import type { CommandContext } from '../../command.ts';
import { DEFAULT_PAGE, type ManageFlags } from './flags.ts';

/**
 * Where the page is served; undefined without `--page`. Throws `UsageError` for an address that others could listen to on the way, and
 * when the address was meant as the discovery argument.
 */
export function readPage(
  flags: ManageFlags,
  discovery: string | undefined,
  env: CommandContext['env'],
  tls: TlsServerOptions | undefined,
): PageOptions | undefined {
  if (flags.page === undefined) {
    if (flags.pageActions) throw new UsageError('--page-actions is about the page: give --page, too');
    return undefined;
  }
  const text = flags.page === true ? DEFAULT_PAGE : flags.page;
  if (text === flags.page && discovery === undefined && !env.ENXAME_DISCOVERY && !env.SWARM_DISCOVERY)
    throw new UsageError(
      `--page took "${text}" as its address, and no discovery argument is left: write --page at the end, or --page=ADDRESS`,
    );
  const address = parseListenAddress(text);
  if (address.kind === 'unix') throw new UsageError('--page: browsers reach no unix sockets: give tcp://HOST:PORT');
  assertSafeListener(address, tls === undefined ? 'plain' : 'tls', 'tls', flags.insecure ?? false);
  return { address, tls, allowHosts: flags.allowHost, actions: flags.pageActions ?? false };
}
