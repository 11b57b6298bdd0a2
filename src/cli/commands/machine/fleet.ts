import { readFile } from 'node:fs/promises';
import type { Command } from 'commander';
import { fileProblem, reasonOf, UsageError } from '../../../common/errors.ts';
import type { Existing, Plan, PlanItem } from '../../../machine/fleet/plan.ts';
import type { MachineDeps } from '../../../machine/machine.ts';
import type { Task } from '../../../provision/provisioner.ts';
import type { CommandContext } from '../../command.ts';
import { confirm } from '../../confirm.ts';
import { onEach } from './each.ts';
import { machineContext, makingContext } from './surroundings.ts';
import { checkSwarms } from './swarm-check.ts';

interface Flags {
  readonly file: string;
  readonly yes?: boolean;
  readonly dryRun?: boolean;
  readonly replace?: boolean;
}

const EXAMPLES = `
Example, fleet.yml:
  swarm: { discovery: "token://10.0.0.9:2374/v1/\${TOKEN}" }
  defaults: { driver: local }
  machines:
    queen: { role: master }
    worker: { count: 3, labels: { zone: a } }

  $ TOKEN=$(enxame create) enxame machine up -f fleet.yml

Repeating it changes only differences.`;

/** `up` and `down`: a fleet of machines from a file. */
export function configure(machine: Command, cli: CommandContext): void {
  machine
    .command('up')
    .summary('bring a fleet in line with its file')
    .option('-f, --file <file>', 'the fleet file', 'fleet.yml')
    .option('-y, --yes', 'do not ask')
    .option('--dry-run', 'print the plan only')
    .option('--replace', 'recreate machines that cannot be changed in place')
    .addHelpText('after', EXAMPLES)
    .action((flags: Flags, command: Command) => up(flags, command, cli));
  machine
    .command('down')
    .summary('remove the machines of a fleet')
    .option('-f, --file <file>', 'the fleet file', 'fleet.yml')
    .option('-y, --yes', 'do not ask')
    .option('--dry-run', 'print the plan only')
    .action((flags: Flags, command: Command) => down(flags, command, cli));
}

async function up(flags: Flags, command: Command, cli: CommandContext): Promise<void> {
  const [{ parseFleet }, { planFleet }, { checkDrivers }] = await Promise.all([
    import('../../../machine/fleet/file.ts'),
    import('../../../machine/fleet/plan.ts'),
    import('../../../machine/fleet/check.ts'),
  ]);
  const fleet = parseFleet(await readText(flags.file), flags.file, cli.env);
  const context = await makingContext(command, cli);
  const names = new Set(await context.store.names());
  await checkDrivers(fleet, (name) => names.has(name), cli.env);
  const machines = await checkSwarms(fleet.machines, cli);
  await carryOut(
    planFleet({ ...fleet, machines }, await existing(context, cli), flags.replace ?? false),
    flags,
    context,
    cli,
  );
}

async function down(flags: Flags, command: Command, cli: CommandContext): Promise<void> {
  const [{ fleetName }, { planDown }] = await Promise.all([
    import('../../../machine/fleet/file.ts'),
    import('../../../machine/fleet/plan.ts'),
  ]);
  const context = await machineContext(command, cli);
  const name = fleetName(await readText(flags.file), flags.file);
  await carryOut(planDown(name, await existing(context, cli)), flags, context, cli);
}

async function readText(file: string): Promise<string> {
  return await readFile(file, 'utf8').catch((error: unknown) => {
    throw new UsageError(`cannot read the fleet file ${file}: ${fileProblem(error)}. Name it with -f`);
  });
}

/** All machines of the store with their states, asked concurrently. A damaged file is reported and hides no other machine. */
async function existing(context: MachineDeps, cli: CommandContext): Promise<readonly Existing[]> {
  const names = await context.store.names();
  const found = await Promise.all(
    names.map((name) =>
      existingOne(name, context).catch((error: unknown) => {
        cli.err(`warning: ${reasonOf(error)}\n`);
        return [];
      }),
    ),
  );
  return found.flat();
}

async function existingOne(name: string, context: MachineDeps): Promise<readonly Existing[]> {
  const { openMachine } = await import('../../../machine/machine.ts');
  const stored = await context.store.load(name);
  const { record } = stored;
  if (record.fleet === undefined) return [{ record, state: '' }];
  const machine = await openMachine(stored, context);
  try {
    const state = await machine.driver.state(AbortSignal.timeout(30_000)).catch(() => 'Error' as const);
    return [{ record, state }];
  } finally {
    await machine.close();
  }
}

async function carryOut(plan: Plan, flags: Flags, context: MachineDeps, cli: CommandContext): Promise<void> {
  const { formatPlan, isEmpty, nameOf } = await import('../../../machine/fleet/plan.ts');
  cli.out(formatPlan(plan));
  if (flags.dryRun || isEmpty(plan)) return;
  if (!flags.yes && !(await confirm('Carry out this plan?', '--yes', cli))) return;
  const items = new Map(plan.items.filter(({ action }) => action !== 'keep').map((item) => [nameOf(item), item]));
  await onEach([...items.keys()], cli, async (name, task) => {
    const item = items.get(name);
    if (item !== undefined) await carryOutOne(item, context, task);
  });
}

async function carryOutOne(item: PlanItem, context: MachineDeps, task: Task): Promise<void> {
  const { applyItem } = await import('../../../machine/fleet/apply.ts');
  await applyItem(item, context, task);
}
