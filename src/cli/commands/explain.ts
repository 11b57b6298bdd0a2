import { type Command, Option } from 'commander';
import type { ContainerExplanation, NodeExplanation } from '../../availability/explain.ts';
import { formatPlan } from '../../availability/format-plan.ts';
import { NotFoundError } from '../../common/errors.ts';
import { printable, printableJson } from '../../common/printable.ts';
import type { CommandContext } from '../command.ts';
import {
  addManagerFlags,
  MANAGER_HELP,
  type ManagerClient,
  type ManagerFlags,
  managerClient,
} from '../manager-client.ts';

const EXAMPLES = `
Examples:
  $ enxame explain web                                    # why it is there, and where else it could be
  $ enxame explain --type node bee-1                      # what its loss would mean

A name that a container and a node have means the container, unless --type says otherwise.
${MANAGER_HELP}`;

interface Flags extends ManagerFlags {
  readonly type?: 'container' | 'node';
  readonly json?: boolean;
}

/** `enxame explain`: why things are where they are. */
export function configure(command: Command, context: CommandContext): void {
  addManagerFlags(command.argument('<container|node>', 'name or ID'))
    .addOption(new Option('--type <type>', 'what the name is of').choices(['container', 'node']))
    .option('--json', 'print it as JSON')
    .addHelpText('after', EXAMPLES)
    .action((name: string, flags: Flags) => context.interruptible((signal) => explain(name, flags, context, signal)));
}

async function explain(name: string, flags: Flags, context: CommandContext, signal: AbortSignal): Promise<void> {
  const { type } = flags;
  const client = await managerClient(flags, context);
  const container = type === 'node' ? undefined : await found<ContainerExplanation>(client, 'containers', name, signal);
  const node =
    container || type === 'container' ? undefined : await found<NodeExplanation>(client, 'nodes', name, signal);
  const what = container ?? node;
  if (!what) throw new NotFoundError(`there is no ${type ?? 'container or node'} ${printable(name)}`, 'NOT_FOUND');
  if (flags.json) return context.out(`${printableJson(JSON.stringify(what))}\n`);
  const lines = container ? containerLines(container) : node ? nodeLines(node) : [];
  context.out(lines.map((line) => `${printable(line)}\n`).join(''));
}

/** Undefined when there is none. */
async function found<T>(
  client: ManagerClient,
  kind: 'containers' | 'nodes',
  name: string,
  signal: AbortSignal,
): Promise<T | undefined> {
  try {
    return await client.get<T>(`/enxame/v1/explain/${kind}/${encodeURIComponent(name)}`, signal);
  } catch (error) {
    if (error instanceof NotFoundError) return undefined;
    throw error;
  }
}

function containerLines({ name, state, node, record, nodes, ifLost }: ContainerExplanation): readonly string[] {
  const own = nodes.find(({ isOwn }) => isOwn);
  const others = nodes.filter(({ isOwn }) => !isOwn);
  return [
    `${name}: ${state} on ${node.name}${notes(node)}`,
    ...(record ? recordLines(record) : ['  nothing is recorded of it: it was not created through this cluster']),
    ...(own && own.missed.length > 0 ? [`  preferences that ${own.name} does not meet: ${own.missed.join(', ')}`] : []),
    ...(others.length > 0 ? ['Other nodes now:'] : []),
    ...others.map((other) => {
      const missed = other.missed.length > 0 ? `; does not meet ${other.missed.join(', ')}` : '';
      return `  ${other.name}: ${other.refusal === null ? `could take it${missed}` : `refused: ${other.refusal}`}`;
    }),
    `If ${node.name} were lost now:`,
    'to' in ifLost
      ? `  it would run on ${ifLost.to.name}${ifLost.loses.length > 0 ? `, and lose ${ifLost.loses.join(', ')}` : ''}`
      : `  it would ${ifLost.waits ? 'wait' : 'stay'}: ${ifLost.why}`,
  ];
}

function recordLines({ wanted, generation, terms, arrived }: NonNullable<ContainerExplanation['record']>): string[] {
  const words = [
    `wanted ${wanted}`,
    `restart policy ${terms.restart}`,
    `rescheduling ${terms.policy ?? 'as the cluster'}`,
    ...(terms.priority === 0 ? [] : [`priority ${terms.priority}`]),
    ...(terms.isOfService ? ['of a Compose service'] : []),
    ...(terms.isTransient ? ['one-off'] : []),
    ...(terms.boundBy === undefined ? [] : [`bound to its node by ${terms.boundBy}`]),
    ...(terms.discardsData ? ['may leave its data'] : []),
    ...(terms.isStrict ? ['strict'] : []),
    ...(terms.stopsFirst ? ['stopped before it moves'] : []),
    ...(terms.keepsOld ? ['keeps its old copy'] : []),
  ];
  const came = arrived
    ? `moved ${generation === 1 ? 'once' : `${generation} times`}, last from ${arrived.from.name} at ${arrived.at}: ${arrived.why}`
    : generation === 0
      ? 'it was created here'
      : `moved ${generation} times`;
  return [`  ${came}`, `  ${words.join(', ')}`];
}

function nodeLines(node: NodeExplanation): readonly string[] {
  const labels = Object.entries(node.labels).map(([key, value]) => `${key}=${value}`);
  const { left, of, holds, hasWitness } = node.brake;
  const unless = hasWitness ? ' unless the witness answers' : '';
  return [
    `${node.name}: ${node.state.toLowerCase()} at ${node.address}${notes(node)}`,
    ...(labels.length > 0 ? [`  labels ${labels.join(', ')}`] : []),
    `  containers: ${node.containers}`,
    ...formatPlan(node.plan).split('\n'),
    `The brake would ${holds ? `hold${unless}` : 'not hold'}: ${left} of ${of} nodes would answer`,
  ];
}

function notes({ state, reason, availability }: ContainerExplanation['node']): string {
  const words = { active: '', pause: ', which is paused', drain: ', which is drained' }[availability];
  return state === 'Healthy' ? words : `, ${state.toLowerCase()}: ${reason}${words}`;
}
