import type { Command } from 'commander';
import { examineHost } from '../../agent/mesh/examine-host.ts';
import type { MeshAnswer } from '../../api/routes/mesh.ts';
import { ExitStatus, UsageError } from '../../common/errors.ts';
import { diagnose, type Finding } from '../../mesh/diagnosis.ts';
import { hostAndPort } from '../agent-addresses.ts';
import { asSentence, type CommandContext } from '../command.ts';
import { addManagerFlags, MANAGER_HELP, type ManagerFlags, managerClient } from '../manager-client.ts';
import { formatHelp, formatJson, formatRows, type View } from '../output/format.ts';

const EXAMPLES = `
Examples:
  $ enxame mesh                                           # who reaches whom, how, with which latency and loss
  $ enxame mesh --nodes                                   # the nodes with their addresses, and what is wrong with them
  $ enxame mesh --json                                    # all of it
  $ enxame mesh doctor                                    # what is wrong, with what helps; exit code 1 when there is something
  $ enxame mesh doctor --mesh 198.51.100.9:3376           # the same for this host, before or after 'enxame join --mesh'
  $ enxame mesh rm bee-7                                  # a node that left: its key is taken from all others

Nodes are taken into the mesh by 'enxame join --mesh'. Latency is the median there and back, loss that of the last packets, 20 of each end at most. A
way that is probed goes through a public node while it is tried out whether the two reach each other directly.
${MANAGER_HELP}`;

interface Flags extends ManagerFlags {
  readonly format?: string;
  readonly nodes?: boolean;
  readonly json?: boolean;
}

interface PathRow {
  readonly From: string;
  readonly To: string;
  readonly Way: string;
  /** Milliseconds; undefined before one came back. */
  readonly LatencyMs: number | undefined;
  /** Percent. */
  readonly Loss: number | undefined;
  /** Bytes. */
  readonly Mtu: number;
}

const PATHS: View<PathRow> = {
  columns: [
    { title: 'FROM', value: (row) => row.From, keep: 'whole' },
    { title: 'TO', value: (row) => row.To, keep: 'whole' },
    {
      title: 'WAY',
      value: (row) => row.Way,
      color: ({ Way }) => (Way === 'none' ? 'red' : Way === 'direct' ? 'green' : 'yellow'),
    },
    { title: 'LATENCY', value: ({ LatencyMs }) => (LatencyMs === undefined ? '' : `${LatencyMs} ms`) },
    {
      title: 'LOSS',
      value: ({ Loss }) => (Loss === undefined ? '' : `${Loss} %`),
      color: ({ Loss }) => (Loss ? 'red' : undefined),
    },
    { title: 'MTU', value: ({ Mtu }) => String(Mtu) },
  ],
};

interface NodeRow {
  readonly Name: string;
  readonly State: string;
  readonly Address: string;
  readonly Public: string;
  readonly Wireguard: string;
  readonly Problems: string;
}

const NODES: View<NodeRow> = {
  columns: [
    { title: 'NAME', value: (row) => row.Name, keep: 'whole' },
    { title: 'STATE', value: (row) => row.State, color: ({ State }) => (State === 'up' ? 'green' : 'red') },
    { title: 'ADDRESS', value: (row) => row.Address, keep: 'whole' },
    { title: 'PUBLIC', value: (row) => row.Public },
    { title: 'WIREGUARD', value: (row) => row.Wireguard },
    { title: 'PROBLEMS', value: (row) => row.Problems },
  ],
};

interface DoctorFlags extends ManagerFlags {
  readonly mesh?: string;
}

/** One line for each thing that is wrong; ends with 1 when there is any. */
async function examine(flags: DoctorFlags, context: CommandContext, signal: AbortSignal): Promise<void> {
  const findings = flags.mesh === undefined ? await ofMesh(flags, context, signal) : await ofHost(flags.mesh, context);
  for (const { about, text } of findings) context.out(`${about}: ${text}\n`);
  if (findings.length > 0) throw new ExitStatus(`${findings.length} found`, 1);
  context.out('nothing is wrong\n');
}

async function ofMesh(flags: ManagerFlags, context: CommandContext, signal: AbortSignal): Promise<readonly Finding[]> {
  const client = await managerClient(flags, context);
  return diagnose(await client.get<MeshAnswer>('/enxame/v1/mesh', signal));
}

async function ofHost(manager: string, { clock }: CommandContext): Promise<readonly Finding[]> {
  const isRoot = process.getuid?.() === 0;
  const found = await examineHost({ manager: hostAndPort(manager, '--mesh'), isRoot, nowMs: clock.now() });
  return found.map((text) => ({ about: 'this host', text }));
}

/** `enxame mesh`: the encrypted network between nodes. */
export function configure(command: Command, context: CommandContext): void {
  addManagerFlags(command)
    .option('--nodes', 'list the nodes instead of the ways between them')
    .option('--json', 'print all of it as JSON')
    .option('--format <format>', formatHelp('{{.From}} {{.To}} {{.Way}}'))
    .addHelpText('after', EXAMPLES)
    .action((flags: Flags) => context.interruptible((signal) => show(flags, context, signal)));
  addManagerFlags(command.command('doctor').summary('say what is wrong in the mesh, and what helps'))
    .option('--mesh <manager>', "look at this host instead: whether it could join, and dial that manager's host:port")
    .action((flags: DoctorFlags) => context.interruptible((signal) => examine(flags, context, signal)));
  addManagerFlags(command.command('rm').summary('take the keys of nodes that left the cluster from all others'))
    .argument('<name...>', 'names of agents, as in their entries agent://NAME')
    .action((names: readonly string[], flags: ManagerFlags) =>
      context.interruptible(async (signal) => {
        const client = await managerClient(flags, context);
        for (const name of names) {
          await client.delete(`/enxame/v1/mesh/${encodeURIComponent(name)}`, signal);
          context.out(`${name}\n`);
        }
      }),
    );
  for (const each of command.commands) each.description(asSentence(each.summary()));
}

async function show(flags: Flags, context: CommandContext, signal: AbortSignal): Promise<void> {
  if (flags.json && (flags.nodes || flags.format !== undefined))
    throw new UsageError('--json prints all of it: leave --nodes and --format out');
  const client = await managerClient(flags, context);
  const answer = await client.get<MeshAnswer>('/enxame/v1/mesh', signal);
  if (flags.json) return context.out(formatJson(answer));
  context.out(
    flags.nodes
      ? formatRows(NODES, nodeRows(answer), flags.format, context)
      : formatRows(PATHS, pathRows(answer), flags.format, context),
  );
}

function pathRows({ paths }: MeshAnswer): readonly PathRow[] {
  return paths.map(({ a, b, way, isProbed, latencyMs, sent, lost, mtu }) => {
    const by = way.kind === 'relay' ? `by ${way.by}` : way.kind;
    const Loss = sent === 0 ? undefined : Math.round((lost / sent) * 100);
    return { From: a, To: b, Way: isProbed ? `${by}, probed` : by, LatencyMs: latencyMs, Loss, Mtu: mtu };
  });
}

function nodeRows({ nodes }: MeshAnswer): readonly NodeRow[] {
  return nodes.map(({ id, state, address, endpoint, kind, problems }) => ({
    Name: id,
    State: state,
    Address: address ?? '',
    Public: endpoint ?? '',
    Wireguard: kind ?? '',
    Problems: problems.join('; '),
  }));
}
