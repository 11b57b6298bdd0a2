import { parseArgs } from 'node:util';
import type { Population } from '../simulator/population.ts';

/** What the command line of the benchmark says. */
export interface BenchOptions {
  readonly nodes: number;
  /** Containers per node. */
  readonly containers: number;
  /** Labels of the containers say when they may move, so that Enxame's own manager records them; default no. */
  readonly isRecorded?: boolean;
  /** Command template of the manager under test; `none` measures the floors only. */
  readonly manager: string;
  /** Command template of the manager that it is compared with. */
  readonly against?: string | undefined;
  /** Numbers of concurrent clients. */
  readonly clients: readonly number[];
  /** How long one measurement runs. */
  readonly seconds: number;
  /** Everything short, to try the benchmark itself: its figures are worth nothing. */
  readonly quick: boolean;
  /** How long churn runs in a soak. */
  readonly minutes: number;
  /** Size of one stream. */
  readonly mebibytes: number;
  /** Mutual TLS on both sides of the manager. */
  readonly tls: boolean;
  /** Sizes of a sweep. */
  readonly sweep: readonly Population[];
  /** Folder of JSON and pictures. */
  readonly out: string;
  /** Control port of `fleet`; 0 takes a free one. */
  readonly control: number;
  /** How a manager shows that its nodes are healthy. */
  readonly healthy: 'auto' | 'status' | 'containers';
}

/** Runs the project's own manager over the fleet, keeping nothing on disk. */
export const DEFAULT_MANAGER =
  'node dist/cli/main.js manage -H tcp://127.0.0.1:{port} --state-dir none --cluster-opt enxame.substrate=off {tlsFlags} file://{nodesFile}';

const QUICK_SECONDS = 0.1;
/** What a quick run leaves of waits and counts that have no option of their own. */
const QUICK_SHARE = 0.05;

/** A duration or a count as this run uses it. */
export function paced(options: BenchOptions, value: number): number {
  return options.quick ? Math.ceil(value * QUICK_SHARE) : value;
}

/** Reads the command line; throws with one line when it is wrong. */
export function parseOptions(args: readonly string[]): { readonly part: string; readonly options: BenchOptions } {
  const { values, positionals } = parseArgs({
    args: [...args],
    allowPositionals: true,
    options: {
      nodes: { type: 'string', default: '1000' },
      containers: { type: 'string', default: '30' },
      manager: { type: 'string', default: DEFAULT_MANAGER },
      against: { type: 'string' },
      clients: { type: 'string', default: '1,16,64' },
      seconds: { type: 'string', default: '4' },
      quick: { type: 'boolean', default: false },
      minutes: { type: 'string', default: '30' },
      mib: { type: 'string', default: '1024' },
      tls: { type: 'boolean', default: false },
      sweep: { type: 'string', default: '10x30,100x30,1000x30,5000x60' },
      out: { type: 'string', default: 'bench/results' },
      control: { type: 'string', default: '0' },
      healthy: { type: 'string', default: 'auto' },
    },
  });
  const { healthy } = values;
  if (healthy !== 'auto' && healthy !== 'status' && healthy !== 'containers') {
    throw new Error(`--healthy is auto, status or containers, not "${healthy}"`);
  }
  const options: BenchOptions = {
    nodes: whole('nodes', values.nodes, 1, 10_000),
    containers: whole('containers', values.containers, 1, 1000),
    manager: values.manager,
    against: values.against,
    clients: values.clients.split(',').map((text) => whole('clients', text, 1, 1024)),
    seconds: values.quick ? QUICK_SECONDS : whole('seconds', values.seconds, 1, 120),
    quick: values.quick,
    minutes: whole('minutes', values.minutes, 1, 120),
    mebibytes: whole('mib', values.mib, 1, 16_384),
    tls: values.tls,
    sweep: values.sweep.split(',').map(toPopulation),
    out: values.out,
    control: whole('control', values.control, 0, 65_535),
    healthy,
  };
  return { part: positionals[0] ?? 'all', options };
}

/** `1000x30`: nodes by containers. */
function toPopulation(text: string): Population {
  const [nodes = '', containers = '30'] = text.split('x');
  return { nodes: whole('sweep', nodes, 1, 10_000), containers: whole('sweep', containers, 1, 1000) };
}

function whole(name: string, text: string, min: number, max: number): number {
  const value = Number(text);
  if (!Number.isInteger(value) || value < min || value > max) {
    throw new Error(`--${name} is a whole number from ${min} to ${max}, not "${text}"`);
  }
  return value;
}
