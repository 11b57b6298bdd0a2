import picocolors from 'picocolors';
import type { ContainerUsage, LatestStats, NodeUsage } from '../../api/routes/stats.ts';
import { printable } from '../../common/printable.ts';
import { type Column, renderTable } from '../output/table.ts';
import { cutLine } from './cut-line.ts';
import type { TopState } from './state.ts';

export interface ScreenSize {
  readonly columns: number;
  readonly rows: number;
  readonly env: Readonly<Record<string, string | undefined>>;
}

const NODE_COLUMNS: readonly Column<NodeUsage>[] = [
  { title: 'NODE', value: ({ name }) => name, keep: 'whole' },
  {
    title: 'STATE',
    value: ({ state }) => state,
    keep: 'whole',
    color: ({ state }) => (state === 'Healthy' ? 'green' : 'red'),
  },
  { title: 'RUNNING', value: ({ running }) => String(running), keep: 'whole', align: 'right' },
  { title: 'CPUS', value: ({ cpus, totalCpus }) => `${cpus.toFixed(2)} / ${totalCpus}`, keep: 'whole', align: 'right' },
  {
    title: 'MEMORY',
    value: ({ memory, totalMemory }) => `${bytesText(memory)} / ${bytesText(totalMemory)}`,
    keep: 'whole',
    align: 'right',
  },
  {
    title: 'NET IN / OUT',
    value: ({ received, sent }) => rates(received, sent),
    keep: 'whole',
    drop: 1,
    align: 'right',
  },
  {
    title: 'DISK READ / WRITE',
    value: ({ read, written }) => rates(read, written),
    keep: 'whole',
    drop: 2,
    align: 'right',
  },
];

const CONTAINER_COLUMNS: readonly Column<ContainerUsage>[] = [
  { title: 'CONTAINER', value: ({ name }) => name, keep: 'whole' },
  { title: 'NODE', value: ({ node }) => node, keep: 'whole' },
  {
    title: 'CPU %',
    value: ({ cpus }) => (cpus === undefined ? '-' : (cpus * 100).toFixed(1)),
    keep: 'whole',
    align: 'right',
  },
  {
    title: 'MEMORY',
    value: ({ memory }) => (memory === undefined ? '-' : bytesText(memory)),
    keep: 'whole',
    align: 'right',
  },
  {
    title: 'NET IN / OUT',
    value: ({ received, sent }) => rates(received, sent),
    keep: 'whole',
    drop: 2,
    align: 'right',
  },
  {
    title: 'DISK READ / WRITE',
    value: ({ read, written }) => rates(read, written),
    keep: 'whole',
    drop: 3,
    align: 'right',
  },
  { title: 'IMAGE', value: ({ image }) => image, drop: 1 },
];

/** Everything there is, as it is printed where there is no terminal: nothing is cut. */
export function plainTop({ nodes, containers }: LatestStats): string {
  return `${renderTable(NODE_COLUMNS, nodes)}\n${renderTable(CONTAINER_COLUMNS, containers)}`;
}

const HELP = [
  'c m n d      sort by CPU, memory, network, disk',
  '/            filter by words of container, node or image; Esc ends it',
  'Up Down      choose a container (also k, j)',
  'Enter or l   its log; Esc goes back',
  'p            hold the view, and go on',
  'q or Ctrl-C  leave',
  '',
  'CPU %: of one CPU. The values of a node are the sum over its containers.',
];

/** The lines of the terminal: exactly as many as it has, none wider than it is. */
export function topScreen(state: TopState, stats: LatestStats | undefined, size: ScreenSize): readonly string[] {
  const body = bodyOf(state, stats, size);
  const lines = [...body.slice(0, size.rows - 1), ...Array(Math.max(0, size.rows - 1 - body.length)).fill('')];
  return [...lines, footer(state, size)].map((line) => cutLine(line, size.columns));
}

/** How many containers there is room for: more are not asked for. */
export function containerRoom(rows: number, nodes: number): number {
  return Math.max(1, rows - 4 - nodeRoom(rows, nodes));
}

function nodeRoom(rows: number, nodes: number): number {
  return Math.min(nodes, Math.max(1, Math.floor(rows / 3) - 1));
}

function bodyOf(state: TopState, stats: LatestStats | undefined, size: ScreenSize): readonly string[] {
  if (state.mode === 'help') return ['', ...HELP.map((line) => `  ${line}`)];
  if (state.mode === 'log') return [`Log of ${printable(state.logOf ?? '')}`, ...state.log.slice(-(size.rows - 2))];
  if (!stats) return ['', `  ${state.note === '' ? 'asking the manager' : printable(state.note)}`];
  const most = [...stats.nodes].sort((a, b) => b.cpus - a.cpus || (a.name < b.name ? -1 : 1));
  const nodes = most.slice(0, nodeRoom(size.rows, most.length));
  const containers = stats.containers.slice(0, containerRoom(size.rows, most.length));
  const shown = renderTable(CONTAINER_COLUMNS, containers, size).trimEnd().split('\n');
  return [
    ...renderTable(NODE_COLUMNS, nodes, size).trimEnd().split('\n'),
    '',
    ...shown.map((line, at) => (at === state.selected + 1 ? `\u001b[7m${line}\u001b[27m` : line)),
  ];
}

function footer({ mode, sort, search, isHeld, note }: TopState, { env }: ScreenSize): string {
  if (mode === 'search') return `Filter: ${printable(search)}_`;
  const colors = picocolors.createColors(!env.NO_COLOR);
  if (note !== '') return colors.red(printable(note.replace(/^\S+ refused \S+: /, '')));
  const words = [`by ${sort}`, ...(search === '' ? [] : [`with "${printable(search)}"`]), ...(isHeld ? ['held'] : [])];
  return colors.dim(`? for keys, q to leave   ${words.join(', ')}`);
}

function rates(a: number | undefined, b: number | undefined): string {
  return a === undefined || b === undefined ? '-' : `${bytesText(a)}/s / ${bytesText(b)}/s`;
}

const UNITS = ['B', 'KiB', 'MiB', 'GiB', 'TiB'];

/** `1.5 GiB`; three digits at most. */
export function bytesText(bytes: number): string {
  let value = bytes;
  let unit = 0;
  for (; value >= 1_000 && unit < UNITS.length - 1; unit += 1) value /= 1024;
  return `${value >= 100 || unit === 0 ? Math.round(value) : Number(value.toPrecision(3))} ${UNITS[unit]}`;
}
