import type { Command } from 'commander';
import { ClusterError, UsageError } from '../../../common/errors.ts';
import type { Machine, MachineDeps } from '../../../machine/machine.ts';
import type { PowerAction } from '../../../machine/power.ts';
import type { Task } from '../../../provision/provisioner.ts';
import type { CommandContext } from '../../command.ts';
import { confirm } from '../../confirm.ts';
import { onEach } from './each.ts';
import { machineContext, wantedNames } from './surroundings.ts';

const DONE: Readonly<Record<PowerAction, string>> = {
  start: 'was started',
  stop: 'was stopped',
  restart: 'was restarted',
  kill: 'was killed',
};

/** `start`, `stop`, `restart`, `kill`, `upgrade`, `provision` and `regenerate-certs`. */
export function configure(machine: Command, cli: CommandContext): void {
  const summaries: Readonly<Record<PowerAction, string>> = {
    start: 'start machines',
    stop: 'stop machines gracefully',
    restart: 'restart machines',
    kill: 'power machines off',
  };
  for (const action of ['start', 'stop', 'restart', 'kill'] as const) {
    machine
      .command(action)
      .summary(summaries[action])
      .argument('[machine...]')
      .action((names: readonly string[], _flags: object, command: Command) => power(action, names, command, cli));
  }
  machine
    .command('upgrade')
    .summary('upgrade the engine to the latest version')
    .argument('[machine...]')
    .action((names: readonly string[], _flags: object, command: Command) => onOpen(names, command, cli, upgrade));
  machine
    .command('provision')
    .summary('provision the engine again, with new certificates')
    .argument('[machine...]')
    .action((names: readonly string[], _flags: object, command: Command) => onOpen(names, command, cli, provision));
  machine
    .command('regenerate-certs')
    .summary('renew the certificates, after a change of address or before they expire')
    .argument('[machine...]')
    .option('-f, --force', 'do not ask; restart containers on engines with cluster networks')
    .option('--address <address>', 'new address of the machine (driver generic)')
    .option('--client-certs', 'renew the client certificate too, for all machines of the same authority')
    .action((names: readonly string[], flags: CertFlags, command: Command) => regenerate(names, flags, command, cli));
}

interface CertFlags {
  readonly force?: boolean;
  readonly clientCerts?: boolean;
  readonly address?: string;
}

async function power(
  action: PowerAction,
  names: readonly string[],
  command: Command,
  cli: CommandContext,
): Promise<void> {
  const { changePower } = await import('../../../machine/power.ts');
  await onOpen(names, command, cli, async (machine, context, task) => {
    const { name, address } = machine.stored.record;
    try {
      await changePower(machine, action, context, task);
    } catch (error) {
      if (!(error instanceof ClusterError) || error.status !== 409) throw error;
      // It is in the wanted state.
      return task.report(error.message);
    }
    task.report(`Machine "${name}" ${DONE[action]}.`);
    const now = machine.stored.record.address;
    if (address?.ip === now?.ip) return;
    await rejoin(machine, context, task);
    task.report(`its new address is ${now?.ip}: run "enxame machine env ${name}" again`);
  });
}

/** Brings manager and agents of a machine to its present address. */
async function rejoin(
  machine: Machine,
  context: MachineDeps,
  task: Task,
  options: { readonly holdsMasters?: boolean } = {},
): Promise<void> {
  if (machine.stored.record.swarm === undefined) return;
  const { rejoinSwarm } = await import('../../../machine/swarm/rejoin.ts');
  await rejoinSwarm(machine, context, task, options);
}

/** The agents beside an engine read their certificate at their start only. */
async function renewAgents(machine: Machine, context: MachineDeps, task: Task): Promise<void> {
  const { fence, mesh } = machine.stored.record;
  if (fence === undefined && mesh === undefined) return;
  const [{ keepFence }, { keepMesh }, { provisionerOf }] = await Promise.all([
    import('../../../machine/swarm/fence.ts'),
    import('../../../machine/swarm/mesh.ts'),
    import('../../../machine/machine.ts'),
  ]);
  const provisioner = await provisionerOf(machine);
  if (mesh !== undefined) await keepMesh(machine, provisioner, context, task);
  if (fence !== undefined) await keepFence(machine, provisioner, context, task);
}

async function upgrade(machine: Machine, context: MachineDeps, task: Task): Promise<void> {
  const [{ upgradeEngine }, { oneByOne }] = await Promise.all([
    import('../../../machine/power.ts'),
    import('../../../machine/masters/rolling.ts'),
  ]);
  await oneByOne(machine, context, { isChecked: true }, task, () => upgradeEngine(machine, context, task));
}

async function provision(machine: Machine, context: MachineDeps, task: Task): Promise<void> {
  const [{ provisionAgain }, { rejoinSwarm }, { oneByOne }] = await Promise.all([
    import('../../../machine/power.ts'),
    import('../../../machine/swarm/rejoin.ts'),
    import('../../../machine/masters/rolling.ts'),
  ]);
  // It is what brings back a server of the masters' store, and so is not refused where that lacks one.
  await oneByOne(machine, context, { isChecked: false }, task, async () => {
    await provisionAgain(machine, context, task);
    await rejoinSwarm(machine, context, task, { holdsMasters: true });
  });
}

async function regenerate(
  names: readonly string[],
  flags: CertFlags,
  command: Command,
  cli: CommandContext,
): Promise<void> {
  const question = 'Regenerate TLS machine certs? Warning: this is irreversible.';
  if (!flags.force && cli.isErrTerminal && !(await confirm(question, '--force', cli))) return;
  const [{ moveMachine, regenerateClient, regenerateServer }, { oneByOne }] = await Promise.all([
    import('../../../machine/power.ts'),
    import('../../../machine/masters/rolling.ts'),
  ]);
  const context = await machineContext(command, cli);
  const wanted = await wantedNames(names, context);
  const { address } = flags;
  if (address !== undefined) {
    const [only, ...more] = wanted;
    if (only === undefined || more.length > 0) throw new UsageError('--address is for one machine: name only that one');
    await cli.interruptible((signal) => moveMachine(only, address, context, signal));
  }
  if (flags.clientCerts) {
    const records = await Promise.all(wanted.map(async (name) => (await context.store.load(name)).record));
    const authorities = new Set(records.flatMap(({ authority }) => authority ?? []));
    await cli.interruptible(async (signal) => {
      for (const authority of authorities) {
        const changed = await regenerateClient(authority, context, signal);
        cli.err(`new client certificate for ${changed.join(', ')}\n`);
      }
    });
  }
  await onOpen(wanted, command, cli, async (machine, each, task) => {
    const before = machine.stored.record.address?.ip;
    await oneByOne(machine, each, { isChecked: true }, task, async () => {
      await regenerateServer(machine, each, task, flags.force ?? false);
      const { address, etcd } = machine.stored.record;
      // A server of the masters' store is told of another authority, and where it is.
      if (address?.ip !== before || etcd !== undefined) await rejoin(machine, each, task, { holdsMasters: true });
      else await renewAgents(machine, each, task);
    });
  });
}

/** Does `work` on the named machines, each opened and locked. */
async function onOpen(
  names: readonly string[],
  command: Command,
  cli: CommandContext,
  work: (machine: Machine, context: MachineDeps, task: Task) => Promise<void>,
): Promise<void> {
  const context = await machineContext(command, cli);
  const { openByName } = await import('../../../machine/machine.ts');
  await onEach(await wantedNames(names, context), cli, async (name, task) => {
    const lock = await context.store.lock(name, command.name(), task.signal);
    try {
      const machine = await openByName(name, context, task);
      try {
        await work(machine, context, task);
      } finally {
        await machine.close();
      }
    } finally {
      await lock.close();
    }
  });
}
