import { readFile } from 'node:fs/promises';
import { homedir } from 'node:os';
import type { Command } from 'commander';
import { fileProblem, UsageError } from '../../../common/errors.ts';
import type { CommandContext } from '../../command.ts';
import { machineContext, wantedName, wantedNames } from './surroundings.ts';

interface ExportFlags {
  readonly output: string;
  readonly for?: string;
  readonly withAuthority?: boolean;
  readonly passphraseFile?: string;
  readonly all?: boolean;
}

const EXPORT_HELP = `
Examples:
  $ enxame machine export --for alice --passphrase-file secret -o team.enxame queen worker-1
  $ enxame machine export --all -o fleet.enxame
  $ enxame machine import --passphrase-file secret team.enxame

The file gives access to the machines: encrypt it with a passphrase (or $ENXAME_PASSPHRASE), or keep it safe.
It never contains credentials of providers; the recipient gets a client certificate of their own.`;

/** `export`, `import` and `context`. */
export function configure(machine: Command, cli: CommandContext): void {
  machine
    .command('export')
    .summary('export machines to a file, for a colleague or another computer')
    .argument('[machine...]')
    .requiredOption('-o, --output <file>', 'output file')
    .option('--all', 'all machines')
    .option('--for <person>', 'recipient: the name in the client certificate (default: you)')
    .option('--with-authority', 'include the key of the authority, to issue certificates')
    .option('--passphrase-file <file>', 'file with the passphrase to encrypt with ($ENXAME_PASSPHRASE)')
    .addHelpText('after', EXPORT_HELP)
    .action((names: readonly string[], flags: ExportFlags, command: Command) => exportTo(names, flags, command, cli));
  machine
    .command('import')
    .summary('import machines from an export or from docker-machine')
    .argument('[file]', 'the export; not with --docker-machine')
    .option(
      '--docker-machine [folder]',
      'folder of docker-machine (default: $MACHINE_STORAGE_PATH or ~/.docker/machine)',
    )
    .option('--passphrase-file <file>', 'file with the passphrase of the export ($ENXAME_PASSPHRASE)')
    .action((file: string | undefined, flags: ImportFlags, command: Command) => importFrom(file, flags, command, cli));
  machine
    .command('context')
    .summary('create a docker context for a machine')
    .argument('[machine]')
    .option('--swarm', 'for the cluster whose manager the machine runs')
    .option('--name <context>', "name of the context (default: the machine's)")
    .action((name: string | undefined, flags: ContextFlags, command: Command) => context(name, flags, command, cli));
}

interface ImportFlags {
  readonly dockerMachine?: string | true;
  readonly passphraseFile?: string;
}

interface ContextFlags {
  readonly swarm?: boolean;
  readonly name?: string;
}

async function exportTo(
  names: readonly string[],
  flags: ExportFlags,
  command: Command,
  cli: CommandContext,
): Promise<void> {
  const [{ exportMachines }, { packShare }, { writePrivate }] = await Promise.all([
    import('../../../machine/share/share.ts'),
    import('../../../machine/share/archive.ts'),
    import('../../../common/private-file.ts'),
  ]);
  const context = await machineContext(command, cli);
  const wanted = flags.all ? await context.store.names() : await wantedNames(names, context);
  if (wanted.length === 0) throw new UsageError('there are no machines to export');
  const passphrase = await readPassphrase(flags.passphraseFile, cli);
  const options = { withAuthority: flags.withAuthority ?? false, recipient: flags.for ?? cli.env.USER ?? 'someone' };
  const share = await cli.interruptible((signal) => exportMachines(wanted, context, options, signal));
  await writePrivate(flags.output, await packShare(share, passphrase));
  cli.err(
    `${wanted.join(', ')} written to ${flags.output}${passphrase === undefined ? '. It is not encrypted: keep it safe' : ''}\n`,
  );
}

async function importFrom(
  file: string | undefined,
  flags: ImportFlags,
  command: Command,
  cli: CommandContext,
): Promise<void> {
  const machines = await machineContext(command, cli);
  if (flags.dockerMachine !== undefined) {
    const { dockerMachineFolder, importDockerMachines } = await import('../../../machine/share/docker-machine.ts');
    const given = flags.dockerMachine === true ? undefined : flags.dockerMachine;
    const folder = given ?? dockerMachineFolder(cli.env, cli.env.HOME || homedir());
    const { StoreError } = await import('../../../machine/errors.ts');
    const results = await importDockerMachines(folder, machines);
    for (const { name, problem } of results) cli.err(`(${name}) ${problem ?? 'imported'}\n`);
    if (results.some(({ problem }) => problem !== undefined))
      throw new StoreError('not all machines could be imported, see above. The imported ones stay', 'NOT_ALL_IMPORTED');
    return;
  }
  if (file === undefined) throw new UsageError('the file to import is missing. Name it, or pass --docker-machine');
  const [{ importMachines }, { isLocked, unpackShare }] = await Promise.all([
    import('../../../machine/share/share.ts'),
    import('../../../machine/share/archive.ts'),
  ]);
  const content = await readFile(file).catch((error: unknown) => {
    throw new UsageError(`cannot read the export ${file}: ${fileProblem(error)}`);
  });
  const passphrase = isLocked(content) ? await readPassphrase(flags.passphraseFile, cli) : undefined;
  const names = await importMachines(await unpackShare(content, passphrase), machines);
  cli.err(`imported ${names.join(', ')}\n`);
}

async function readPassphrase(file: string | undefined, cli: CommandContext): Promise<string | undefined> {
  if (file === undefined) return cli.env.ENXAME_PASSPHRASE || undefined;
  const text = await readFile(file, 'utf8').catch((error: unknown) => {
    throw new UsageError(`cannot read --passphrase-file ${file}: ${fileProblem(error)}`);
  });
  const passphrase = text.replace(/\r?\n$/, '');
  if (passphrase === '') throw new UsageError(`--passphrase-file ${file} is empty`);
  return passphrase;
}

async function context(
  name: string | undefined,
  flags: ContextFlags,
  command: Command,
  cli: CommandContext,
): Promise<void> {
  const [{ endpointOf }, { openByName }, { writeDockerContext }, { sshHints }] = await Promise.all([
    import('../../../machine/endpoint.ts'),
    import('../../../machine/machine.ts'),
    import('../../../machine/share/docker-context.ts'),
    import('../../../machine/ssh-config.ts'),
  ]);
  const machines = await machineContext(command, cli);
  const wanted = await wantedName(name, machines);
  const contextName = flags.name ?? wanted;
  if (!/^[a-zA-Z0-9][a-zA-Z0-9_.+-]+$/.test(contextName) || contextName === 'default')
    throw new UsageError(`docker does not accept a context called "${contextName}": give another with --name`);
  const machine = await openByName(wanted, machines);
  try {
    const [endpoint, hints] = await cli.interruptible(async (signal) => {
      const found = await endpointOf(machine, flags.swarm ?? false, signal);
      return [found, found.url.startsWith('ssh:') ? await sshHints(machine, machines, signal) : []] as const;
    });
    await writeDockerContext(contextName, machine.stored, endpoint, cli.env);
    for (const hint of hints) cli.err(`warning: ${hint}\n`);
  } finally {
    await machine.close();
  }
  cli.err(`Now: docker context use ${contextName}\n`);
}
