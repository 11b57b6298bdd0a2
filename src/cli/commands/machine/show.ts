import type { Command } from 'commander';
import { UsageError } from '../../../common/errors.ts';
import { VERSION } from '../../../common/version.ts';
import type { Machine, MachineDeps } from '../../../machine/machine.ts';
import type { MachineRecord } from '../../../machine/record.ts';
import type { SshShell } from '../../../provision/shell.ts';
import type { CommandContext } from '../../command.ts';
import { machineContext, wantedName, wantedNames } from './surroundings.ts';

/** `ip`, `url`, `status`, `inspect`, `version` and `host-address`. */
export function configure(machine: Command, cli: CommandContext): void {
  const simple = {
    ip: 'print the addresses of machines',
    url: 'print the URLs of the engines',
    status: 'print the state of machines',
  };
  for (const [name, summary] of Object.entries(simple)) {
    machine
      .command(name)
      .summary(summary)
      .argument('[machine...]')
      .action((names: readonly string[], _flags: object, command: Command) =>
        printEach(names, command, cli, ASKED[name]),
      );
  }
  machine
    .command('inspect')
    .summary('print the details of a machine as JSON')
    .argument('[machine]')
    .option('-f, --format <template>', "'json', or a template like '{{.driver}}' or '{{json .engine}}'")
    .action((name: string | undefined, flags: { readonly format?: string }, command: Command) =>
      inspect(name, flags.format, command, cli),
    );
  machine
    .command('version')
    .summary('print the version of enxame, or of the engine of a machine')
    .argument('[machine]')
    .action((name: string | undefined, _flags: object, command: Command) => version(name, command, cli));
  machine
    .command('host-address')
    .summary('print the address of this computer as machines of a driver reach it')
    .allowUnknownOption()
    .allowExcessArguments()
    .option('-d, --driver <driver>', 'the driver', 'local')
    .action((flags: { readonly driver: string }, command: Command) => hostAddress(flags.driver, command.args, cli));
}

/** Prints the address under which machines reach services on this computer, like the token service. */
async function hostAddress(name: string, words: readonly string[], cli: CommandContext): Promise<void> {
  const [{ loadDriver }, { resolveOptions }, { driverValues }] = await Promise.all([
    import('../../../drivers/drivers.ts'),
    import('../../../drivers/option-values.ts'),
    import('./driver-flags.ts'),
  ]);
  const driver = await loadDriver(name);
  const { hostAddress: ask } = driver;
  if (ask === undefined)
    throw new UsageError(`machines of the driver ${name} reach this computer at its public address, if it has one`);
  const values = resolveOptions(driver.name, driver.options, driverValues(words, driver).options, cli.env);
  cli.out(`${await cli.interruptible((signal) => ask(values, signal))}\n`);
}

type Question = (machine: Machine, signal: AbortSignal) => Promise<string>;

const ASKED: Readonly<Record<string, Question>> = {
  ip: ({ driver }, signal) => driver.ip(signal),
  url: urlOf,
  status: ({ driver }, signal) => driver.state(signal),
};

async function printEach(
  names: readonly string[],
  command: Command,
  cli: CommandContext,
  question: Question | undefined,
): Promise<void> {
  const context = await machineContext(command, cli);
  const wanted = await wantedNames(names, context);
  const answers = await cli.interruptible((signal) =>
    Promise.all(wanted.map((name) => withMachine(name, context, (machine) => question?.(machine, signal)))),
  );
  cli.out(answers.map((answer) => `${answer}\n`).join(''));
}

async function withMachine<T>(
  name: string,
  context: MachineDeps,
  work: (machine: Machine) => T | Promise<T>,
): Promise<T> {
  const { openByName } = await import('../../../machine/machine.ts');
  const machine = await openByName(name, context);
  try {
    return await work(machine);
  } finally {
    await machine.close();
  }
}

async function inspect(
  name: string | undefined,
  format: string | undefined,
  command: Command,
  cli: CommandContext,
): Promise<void> {
  const context = await machineContext(command, cli);
  const wanted = await wantedName(name, context);
  const stored = await context.store.load(wanted);
  const [{ certificateWarnings, certificateDates }, { dockerMachineFields }] = await Promise.all([
    import('../../../machine/trust.ts'),
    import('./inspect-view.ts'),
  ]);
  const warnings = await certificateWarnings(stored, cli.clock.now());
  const { tlsFolder } = stored;
  const record = await shownOf(stored.record);
  const shown = {
    ...record,
    tlsFolder,
    certificates: await certificateDates(stored),
    warnings: warnings.map(({ text }) => text),
    ...dockerMachineFields({ record, tlsFolder, ssh: await sshOf(wanted, context) }),
  };
  if (format === undefined || format === 'json') return cli.out(`${JSON.stringify(shown, undefined, 4)}\n`);
  const { compileTemplate } = await import('../../output/template.ts');
  cli.out(`${compileTemplate(format)(shown)}\n`);
}

const SSH_WITHIN_MS = 5_000;

/** The way to log in, if the driver finds it in time; the stored record is shown in any case. */
async function sshOf(name: string, context: MachineDeps): Promise<SshShell | undefined> {
  const signal = AbortSignal.timeout(SSH_WITHIN_MS);
  const shell = await withMachine(name, context, ({ driver }) => driver.shell(signal)).catch(() => undefined);
  return shell?.kind === 'ssh' ? shell : undefined;
}

/** Its driver knows which of its options are secrets, if it is here. */
async function shownOf(record: MachineRecord): Promise<MachineRecord> {
  const [{ loadDriver }, { shownRecord }] = await Promise.all([
    import('../../../drivers/drivers.ts'),
    import('../../../machine/shown.ts'),
  ]);
  const driver = await loadDriver(record.driver).catch(() => undefined);
  return shownRecord(record, driver?.options);
}

async function urlOf(machine: Machine, signal: AbortSignal): Promise<string> {
  const { engineUrl } = await import('../../../machine/machine.ts');
  return await engineUrl(machine, signal);
}

async function version(name: string | undefined, command: Command, cli: CommandContext): Promise<void> {
  if (name === undefined) return cli.out(`enxame version ${VERSION}\n`);
  const context = await machineContext(command, cli);
  const { ownVersion } = await import('../../../machine/access.ts');
  const text = await cli.interruptible((signal) =>
    withMachine(name, context, async (machine) =>
      ownVersion(machine, await urlOf(machine, signal), { timeoutMs: 10_000, signal }),
    ),
  );
  cli.out(`${text}\n`);
}
