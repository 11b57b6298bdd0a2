import { isIP } from 'node:net';
import { resolve } from 'node:path';
import type { Command } from 'commander';
import { UsageError } from '../../common/errors.ts';
import type { HeldCertificate } from '../../pki/folder.ts';
import { asSentence, type CommandContext } from '../command.ts';
import { formatHelp, formatRows, type View } from '../output/format.ts';

interface FolderFlags {
  readonly dir: string;
}

interface IssueFlags extends FolderFlags {
  readonly days?: number;
  readonly renew?: boolean;
  readonly manager?: boolean;
}

interface ListFlags extends FolderFlags {
  readonly format?: string;
}

const EXAMPLES = `
Examples:
  $ enxame certs ca                                # once: certs/ca.pem and certs/ca-key.pem; the key stays here
  $ enxame certs server node-1 10.0.0.1            # for an engine: certs/node-1/{ca,cert,key}.pem
  $ enxame certs server manager 10.0.0.9 swarm.example.com --manager
  $ enxame certs client alice                      # then DOCKER_CERT_PATH=$PWD/certs/alice
  $ enxame certs list

Start an engine with     dockerd -H tcp://0.0.0.0:2376 --tlsverify --tlscacert ca.pem --tlscert cert.pem --tlskey key.pem
and the manager with     enxame manage -H tcp://:3376 --tlsverify --tlscacert ca.pem --tlscert cert.pem --tlskey key.pem …

Keep ca-key.pem secret: it is enough to issue certificates that engines and manager accept. A client certificate of this
authority gives root on every engine that trusts the authority.`;

const VIEW: View<HeldCertificate> = {
  columns: [
    { title: 'NAME', value: ({ name }) => name },
    { title: 'USE', value: ({ uses }) => uses.join(', ') },
    { title: 'HOSTS', value: ({ hosts }) => hosts.join(', ') },
    { title: 'EXPIRES', value: ({ validity }) => validity.notAfter.toISOString().slice(0, 10) },
    { title: 'STATUS', value: ({ validity }) => statusText(validity) },
  ],
  fields: ({ name, uses, hosts, validity }) => ({
    Name: name,
    Use: uses,
    Hosts: hosts,
    NotAfter: validity.notAfter.toISOString(),
    DaysLeft: validity.daysLeft,
    Status: validity.status,
  }),
};

/** `enxame certs`: certificates by hand, for engines that no `machine` command made. */
export function configure(command: Command, context: CommandContext): void {
  command.addHelpText('after', EXAMPLES);
  withFolder(command.command('ca').summary('create or renew the certificate authority'))
    .option('--name <text>', 'name of the authority', 'enxame')
    .option('--renew', 'renew the certificate with the same key; issued certificates stay valid')
    .action((flags: FolderFlags & { readonly name: string; readonly renew?: boolean }) => ca(flags, context));
  withIssuing(command.command('server <name> <host...>'))
    .summary('issue a certificate for an engine, token service or manager at these hosts')
    .option('--manager', 'for use as server and client, as a manager needs it')
    .action((name: string, hosts: string[], flags: IssueFlags) => server(name, hosts, flags, context));
  withIssuing(command.command('client <name>'))
    .summary('issue a certificate for a client of engines or manager')
    .action((name: string, flags: IssueFlags) => issue(name, { purposes: ['client'] }, flags, context));
  withFolder(command.command('list').alias('ls'))
    .summary('list certificates and their expiry')
    .option('--format <format>', formatHelp('{{.Name}}\\t{{.Hosts}}'))
    .action((flags: ListFlags) => list(flags, context));
  for (const each of command.commands) each.description(asSentence(each.summary()));
}

function withFolder(command: Command): Command {
  return command.option('-d, --dir <folder>', 'folder of authority and certificates', 'certs');
}

function withIssuing(command: Command): Command {
  return withFolder(command)
    .option('--days <count>', 'days of validity, limited by the authority’s (default: 825)', days)
    .option('--renew', 'replace the certificate of this name, with a new key');
}

async function ca(
  flags: FolderFlags & { readonly name: string; readonly renew?: boolean },
  context: CommandContext,
): Promise<void> {
  const { makeCa, renewCa } = await import('../../pki/folder.ts');
  const folder = folderOf(flags, context);
  if (flags.renew) await renewCa(folder);
  else await makeCa(folder, flags.name);
  context.out(`${folder.path}/ca.pem      for every engine, manager and client\n`);
  context.out(`${folder.path}/ca-key.pem  secret, stays here: it issues certificates\n`);
}

function server(name: string, hosts: readonly string[], flags: IssueFlags, context: CommandContext): Promise<void> {
  for (const host of hosts) assertHost(host);
  const purposes = flags.manager ? (['server', 'client'] as const) : (['server'] as const);
  return issue(name, { purposes, hosts }, flags, context);
}

async function issue(
  name: string,
  wanted: { readonly purposes: readonly ('server' | 'client')[]; readonly hosts?: readonly string[] },
  flags: IssueFlags,
  context: CommandContext,
): Promise<void> {
  if (!/^[a-zA-Z0-9][a-zA-Z0-9_.-]{0,62}$/.test(name))
    throw new UsageError(
      `"${name}" cannot be the name of a certificate: use up to 63 letters, digits, "-", "_" and ".", a letter or digit first`,
    );
  const { issueInto } = await import('../../pki/folder.ts');
  const replace = flags.renew ?? false;
  const into = await issueInto(folderOf(flags, context), { name, ...wanted, days: flags.days, replace });
  context.out(`${into}: ca.pem, cert.pem and key.pem\n`);
}

async function list(flags: ListFlags, context: CommandContext): Promise<void> {
  const { heldCertificates } = await import('../../pki/folder.ts');
  context.out(formatRows(VIEW, await heldCertificates(folderOf(flags, context)), flags.format, context));
}

function folderOf({ dir }: FolderFlags, { clock }: CommandContext): { path: string; nowMs: number } {
  return { path: resolve(dir), nowMs: clock.now() };
}

function statusText({ status, daysLeft }: HeldCertificate['validity']): string {
  if (status === 'expired') return `expired ${-daysLeft} days ago`;
  return status === 'expiring' ? `expires in ${daysLeft} days` : status;
}

const HOST_NAME = /^(?=.{1,253}$)(\*\.)?([a-z0-9]([a-z0-9-]{0,61}[a-z0-9])?\.)*[a-z0-9]([a-z0-9-]{0,61}[a-z0-9])?$/i;

function assertHost(host: string): void {
  if (isIP(host) !== 0 || HOST_NAME.test(host)) return;
  throw new UsageError(
    `"${host}" is not a host: use IP addresses and host names without scheme and port, like 10.0.0.1 or node-1.example.com`,
  );
}

function days(text: string): number {
  const count = Number(text);
  if (Number.isInteger(count) && count >= 1 && count <= 3650) return count;
  throw new UsageError(`--days should be a whole number from 1 to 3650, not "${text}"`);
}
