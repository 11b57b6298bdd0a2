import type { Command } from 'commander';
import { UsageError } from '../../common/errors.ts';
import type { ContainerSummary, PortSummary } from '../../engine/types.ts';
import type { CommandContext } from '../command.ts';
import { addManagerFlags, MANAGER_HELP, type ManagerFlags, managerClient } from '../manager-client.ts';
import { formatHelp, formatRows, type View } from '../output/format.ts';
import { placeOf } from '../place.ts';

interface Flags extends ManagerFlags {
  readonly all?: boolean;
  readonly filter?: readonly string[];
  readonly quiet?: boolean;
  /** False with `--no-trunc`. */
  readonly trunc: boolean;
  readonly format?: string;
}

/** A container as `json` and templates see it. */
interface ContainerRow {
  readonly Node: string;
  readonly ID: string;
  readonly Name: string;
  readonly Image: string;
  readonly Command: string;
  readonly CreatedAt: string;
  readonly State: string;
  readonly Status: string;
  readonly Ports: string;
  readonly Labels: Readonly<Record<string, string>>;
}

const VIEW: View<ContainerRow> = {
  columns: [
    { title: 'NODE', value: (row) => row.Node, keep: 'whole' },
    { title: 'CONTAINER ID', value: (row) => row.ID, keep: 'whole', drop: 2 },
    { title: 'NAME', value: (row) => row.Name, keep: 'whole' },
    { title: 'IMAGE', value: (row) => row.Image, drop: 1 },
    { title: 'STATUS', value: (row) => row.Status, keep: 'whole', color: statusColor },
    { title: 'PORTS', value: (row) => row.Ports, keep: 'items' },
  ],
};

function statusColor({ State, Status }: ContainerRow): 'green' | 'yellow' | 'red' | 'dim' {
  if (Status.startsWith('Host Down') || State === 'dead') return 'red';
  if (State === 'running') return Status.includes('(unhealthy)') ? 'yellow' : 'green';
  return State === 'exited' || State === 'created' ? 'dim' : 'yellow';
}

const EXAMPLES = `
Examples:
  $ enxame ps                                             # running containers and their nodes
  $ enxame ps -a --filter label=com.docker.compose.project=shop
  $ enxame ps --format '{{.Node}}\\t{{.Name}}\\t{{.Ports}}'
${MANAGER_HELP}`;

/** `enxame ps`: containers with their nodes. */
export function configure(command: Command, context: CommandContext): void {
  addManagerFlags(command)
    .option('-a, --all', 'include stopped containers')
    .option('-f, --filter <filter>', 'filter as of docker ps; may be repeated', collect)
    .option('-q, --quiet', 'print IDs only')
    .option('--no-trunc', 'do not shorten IDs')
    .option('--format <format>', formatHelp('{{.Name}}\\t{{.Node}}'))
    .addHelpText('after', EXAMPLES)
    .action((flags: Flags) => context.interruptible((signal) => ps(flags, context, signal)));
}

async function ps(flags: Flags, context: CommandContext, signal: AbortSignal): Promise<void> {
  const query = new URLSearchParams();
  if (flags.all) query.set('all', '1');
  if (flags.filter) query.set('filters', JSON.stringify(filtersOf(flags.filter)));
  const client = await managerClient(flags, context);
  const listed = await client.get<readonly ContainerSummary[]>(`/containers/json?${query}`, signal);
  const rows = listed.map((summary) => toRow(summary, flags.trunc));
  if (flags.quiet) context.out(rows.map(({ ID }) => `${ID}\n`).join(''));
  else context.out(formatRows(VIEW, rows, flags.format, context));
}

function toRow(summary: ContainerSummary, isTruncated: boolean): ContainerRow {
  const { node, name } = placeOf(summary.Names ?? []);
  return {
    Node: node,
    ID: isTruncated ? summary.Id.slice(0, 12) : summary.Id,
    Name: name,
    Image: summary.Image,
    Command: summary.Command ?? '',
    CreatedAt: new Date(summary.Created * 1000).toISOString(),
    State: summary.State,
    Status: summary.Status,
    Ports: portsText(summary.Ports ?? []),
    Labels: summary.Labels ?? {},
  };
}

/** Published ports first, as docker writes them: `10.0.0.1:8080->80/tcp, 443/tcp`. */
export function portsText(ports: readonly PortSummary[]): string {
  const sorted = [...ports].sort(
    (a, b) => Number(b.PublicPort !== undefined) - Number(a.PublicPort !== undefined) || a.PrivatePort - b.PrivatePort,
  );
  return sorted.map(portText).join(', ');
}

function portText({ IP, PublicPort, PrivatePort, Type }: PortSummary): string {
  if (PublicPort === undefined) return `${PrivatePort}/${Type}`;
  const host = IP?.includes(':') ? `[${IP}]` : (IP ?? '');
  return `${host}:${PublicPort}->${PrivatePort}/${Type}`;
}

/** `key=value` flags as the API wants them; values of one key are alternatives. */
function filtersOf(flags: readonly string[]): Readonly<Record<string, readonly string[]>> {
  const filters = new Map<string, string[]>();
  for (const flag of flags) {
    const equals = flag.indexOf('=');
    if (equals < 1) throw new UsageError(`--filter "${flag}" should be like status=exited or label=app`, 'BAD_FILTER');
    const key = flag.slice(0, equals).trim().toLowerCase();
    filters.set(key, [...(filters.get(key) ?? []), flag.slice(equals + 1)]);
  }
  return Object.fromEntries(filters);
}

function collect(value: string, values: readonly string[] = []): readonly string[] {
  return [...values, value];
}
