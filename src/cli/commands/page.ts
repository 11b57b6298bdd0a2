import type { Command } from 'commander';
import type { PageLogin } from '../../api/page-door.ts';
import { isLoopback, parseListenAddress } from '../../common/listen-address.ts';
import { openInBrowser } from '../browser.ts';
import type { CommandContext } from '../command.ts';
import { addManagerFlags, MANAGER_HELP, type ManagerFlags, managerClient } from '../manager-client.ts';

const EXAMPLES = `
Examples:
  $ enxame page                                           # opens the page in a browser, logged in
  $ enxame page --print                                   # prints the link: it logs in once, within two minutes
  $ enxame page --read-only --print                       # a link to look and not to touch

The manager serves a page when it was started with --page. Where the page listens on the manager's own host only and that is another one,
take its port here first: ssh -L 9325:127.0.0.1:9325 HOST
${MANAGER_HELP}`;

interface Flags extends ManagerFlags {
  readonly print?: boolean;
  readonly readOnly?: boolean;
}

/** `enxame page`: the page of a manager, logged in. */
export function configure(command: Command, context: CommandContext): void {
  addManagerFlags(command)
    .option('--print', 'print the link and open no browser')
    .option('--read-only', 'a link that may change nothing, whatever the manager allows')
    .addHelpText('after', EXAMPLES)
    .action((flags: Flags) => context.interruptible((signal) => page(flags, context, signal)));
}

async function page(flags: Flags, context: CommandContext, signal: AbortSignal): Promise<void> {
  const client = await managerClient(flags, context);
  const path = `/enxame/v1/page/login${flags.readOnly ? '?readonly=1' : ''}`;
  const login = await client.post<PageLogin>(path, {}, signal);
  const { link, isElsewhere } = linkOf(login, client.address);
  if (isElsewhere)
    context.err(
      `The page listens on the manager's host only. Take its port here first: ssh -L ${new URL(link).port}:127.0.0.1:${new URL(link).port} ${hostOf(client.address)}\n`,
    );
  if (flags.print || isElsewhere) return context.out(`${link}\n`);
  if (await openInBrowser(link, context, signal)) return context.out(`Opened ${new URL(link).origin}/ in a browser\n`);
  context.err('No browser can be opened from here. This link logs in once, within two minutes:\n');
  context.out(`${link}\n`);
}

/** The link as it is reached from where the manager is. */
export function linkOf(
  { address, scheme, path }: PageLogin,
  manager: string,
): { readonly link: string; readonly isElsewhere: boolean } {
  const listening = parseListenAddress(address);
  if (listening.kind !== 'tcp') throw new TypeError(`a page at ${address}`);
  const { host, port } = listening;
  const from = hostOf(manager);
  const isNear = from === '' || isLoopback(from);
  const isEverywhere = host === undefined || host === '0.0.0.0' || host === '::';
  const shown = isEverywhere ? (isNear ? '127.0.0.1' : from) : host;
  const link = `${scheme}://${shown.includes(':') ? `[${shown}]` : shown}:${port}${path}`;
  return { link, isElsewhere: !isNear && isLoopback(host) };
}

/** The host of a manager's address; empty for a unix socket. */
function hostOf(address: string): string {
  if (address.startsWith('unix:')) return '';
  const match = /^(?:\w+:\/\/)?(?:\[([^\]]+)\]|([^:/[\]]*))/.exec(address);
  return match?.[1] ?? match?.[2] ?? '';
}
