import os from 'node:os';
import type { Cluster } from '../../cluster/cluster.ts';
import type { Node } from '../../cluster/node.ts';
import { sitesBelow } from '../../cluster/site.ts';
import { VERSION } from '../../common/version.ts';
import type { SiteInfo } from '../../engine/types.ts';
import { binarySize } from './bytes.ts';
import { CommonFacts } from './common-facts.ts';
import { countImages } from './image-list.ts';

/** What the manager says of itself in `docker info`. */
export interface InfoFacts {
  /** The cluster's ID. */
  readonly id: string;
  /** What its operator calls it. */
  readonly title?: string | undefined;
  /** Whether the ID and what nodes held outlive this manager. */
  readonly isLasting?: boolean | undefined;
  /** How many nodes left with something on them. */
  readonly absentNodes?: (() => number) | undefined;
  /** Rows about the cluster's state. */
  readonly rows?: readonly (readonly [string, string])[];
  readonly strategy: string;
  readonly filters: readonly string[];
  /** `primary` or `replica`, as of now. */
  readonly role: () => string;
  /** Where the primary is, as far as known; undefined when this is the only manager or none is the primary. */
  readonly primary?: (() => string | undefined) | undefined;
  /** Problems that are no single node's, e.g. that discovery does not answer. */
  readonly problems: () => readonly string[];
}

/** A node's part of the answer, kept until the node changes. */
interface NodePart {
  readonly version: number;
  readonly name: string;
  readonly rows: Buffer;
  readonly warnings: readonly string[];
}

/** What all nodes contribute, kept until one of them changes. */
interface RenderedTree {
  readonly nodes: readonly Node[];
  readonly changes: number;
  readonly rows: Buffer;
  readonly warnings: readonly string[];
  readonly sums: Sums;
  readonly facts: object;
}

interface Sums {
  running: number;
  paused: number;
  stopped: number;
  cpus: number;
  memoryBytes: number;
}

const END = Buffer.from(']}\n');

/** Renders `GET /info` from the model: sums, the tree of nodes, warnings. Only nodes that changed are rendered anew. */
export class InfoView {
  readonly #cluster: Cluster;
  readonly #facts: InfoFacts;
  readonly #parts = new WeakMap<Node, NodePart>();
  readonly #common = new CommonFacts();
  #tree: RenderedTree | undefined;

  constructor(cluster: Cluster, facts: InfoFacts) {
    this.#cluster = cluster;
    this.#facts = facts;
  }

  /** The answer's JSON, in buffers to be written one after the other; they must not be modified. */
  render(nowMs: number): readonly Buffer[] {
    const { nodes, containerCount } = this.#cluster;
    const { sums, rows, warnings, facts } = this.#renderTree(nodes);
    const info = {
      ID: this.#facts.id,
      Containers: containerCount,
      ContainersRunning: sums.running,
      ContainersPaused: sums.paused,
      ContainersStopped: sums.stopped,
      Images: countImages(this.#cluster),
      ...facts,
      Debug: false,
      NEventsListener: 0,
      SystemTime: new Date(nowMs).toISOString(),
      KernelVersion: os.release(),
      OperatingSystem: os.platform(),
      OSType: 'linux',
      Architecture: ARCHITECTURES[os.arch()] ?? os.arch(),
      RegistryConfig: null,
      NCPU: sums.cpus,
      MemTotal: sums.memoryBytes,
      Name: os.hostname(),
      Labels: null,
      ServerVersion: `enxame/${VERSION}`,
      Isolation: '',
      Swarm: {
        NodeID: '',
        NodeAddr: '',
        LocalNodeState: 'inactive',
        ControlAvailable: false,
        Error: '',
        RemoteManagers: null,
      },
      Enxame: this.#site(nodes),
      Warnings: [...this.#facts.problems(), ...sharedNames(this.#cluster), ...warnings],
    };
    const head = [
      ...(this.#facts.rows ?? []),
      ['Role', this.#facts.role()],
      ...this.#primaryRow(),
      ['Strategy', this.#facts.strategy],
      ['Filters', this.#facts.filters.join(', ')],
      ['Spread by', this.#cluster.domains.labels.join(', ') || 'none'],
      ['Nodes', String(nodes.length)],
    ];
    const text = `${JSON.stringify(info).slice(0, -1)},"SystemStatus":${JSON.stringify(head).slice(0, -1)}`;
    return [Buffer.from(text), rows, END];
  }

  /** For a manager that has this cluster as a node. */
  #site(nodes: readonly Node[]): SiteInfo {
    const { id, title, isLasting = false, absentNodes } = this.#facts;
    return {
      Cluster: id,
      ...(title !== undefined && { Name: title }),
      IsLasting: isLasting,
      Nodes: nodes.length,
      HealthyNodes: nodes.filter(({ isHealthy }) => isHealthy).length,
      Absent: absentNodes?.() ?? 0,
      Sites: sitesBelow(nodes),
    };
  }

  #primaryRow(): readonly (readonly [string, string])[] {
    const { primary } = this.#facts;
    return primary === undefined ? [] : [['Primary', primary() ?? 'none at present']];
  }

  #renderTree(nodes: readonly Node[]): RenderedTree {
    let changes = 0;
    for (const node of nodes) changes += node.version;
    // Versions only grow, so the sum is the same only when nothing changed.
    if (this.#tree?.nodes === nodes && this.#tree.changes === changes) return this.#tree;
    const parts = nodes.map((node) => this.#part(node));
    const warnings = parts.flatMap((part) => part.warnings);
    parts.sort((a, b) => (a.name < b.name ? -1 : a.name > b.name ? 1 : 0));
    const rows = Buffer.concat(parts.map((part) => part.rows));
    this.#tree = { nodes, changes, rows, warnings, sums: sumUp(nodes), facts: this.#common.of(nodes) };
    return this.#tree;
  }

  #part(node: Node): NodePart {
    const kept = this.#parts.get(node);
    if (kept?.version === node.version) return kept;
    const part = { version: node.version, name: node.name, rows: renderRows(node), warnings: warningsOf(node) };
    this.#parts.set(node, part);
    return part;
  }
}

const ARCHITECTURES: Readonly<Record<string, string>> = {
  x64: 'x86_64',
  arm64: 'aarch64',
  arm: 'armv7l',
  ia32: 'i386',
};

function sumUp(nodes: readonly Node[]): Sums {
  const sums = { running: 0, paused: 0, stopped: 0, cpus: 0, memoryBytes: 0 };
  for (const node of nodes) {
    const { running, paused, stopped } = node.counts;
    sums.running += running;
    sums.paused += paused;
    sums.stopped += stopped;
    if (!node.isHealthy) continue;
    sums.cpus += node.totalNanoCpus / 1e9;
    sums.memoryBytes += node.totalMemoryBytes;
  }
  return sums;
}

const AVAILABILITY_WORDS = { active: 'Active', pause: 'Pause', drain: 'Drain' } as const;

/** The rows of one node as classic swarm had them, each with a comma before it. */
function renderRows(node: Node): Buffer {
  const { running, paused, stopped } = node.counts;
  const rows: [string, string][] = [
    [` ${node.info ? node.name : '(unknown)'}`, node.entry.replace(/^tcp:\/\//, '')],
    ['  └ ID', node.info ? node.id : ''],
    ['  └ Status', node.state],
    ...(node.isSite ? [['  └ Site', siteText(node)] satisfies [string, string]] : []),
    ...(node.availability === 'active'
      ? []
      : [['  └ Availability', AVAILABILITY_WORDS[node.availability]] satisfies [string, string]]),
    ['  └ Containers', `${running + paused + stopped} (${running} Running, ${paused} Paused, ${stopped} Stopped)`],
    ['  └ Reserved CPUs', `${Number((node.reservedNanoCpus / 1e9).toFixed(2))} / ${node.totalNanoCpus / 1e9}`],
    ['  └ Reserved Memory', `${binarySize(node.reservedMemoryBytes)} / ${binarySize(node.totalMemoryBytes)}`],
    [
      '  └ Labels',
      Object.entries(node.describedLabels)
        .map(([key, value]) => `${key}=${value}`)
        .join(', '),
    ],
    ...(node.isHealthy ? [] : [['  └ Error', node.reason] satisfies [string, string]]),
    ['  └ UpdatedAt', node.updatedAtMs === 0 ? 'never' : new Date(node.updatedAtMs).toISOString()],
    ['  └ ServerVersion', node.info?.ServerVersion ?? 'unknown'],
  ];
  return Buffer.from(`,${JSON.stringify(rows).slice(1, -1)}`);
}

/** `cluster hive (1a2b…), 3 nodes`. */
function siteText({ info }: Node): string {
  const { Cluster = '', Nodes = 0 } = info?.Enxame ?? {};
  return `cluster ${Cluster}, ${Nodes} ${Nodes === 1 ? 'node' : 'nodes'}`;
}

/** Names told in full; of the rest only the number. */
const MOST_SHARED_NAMES = 3;

function* sharedNames(cluster: Cluster): IterableIterator<string> {
  let more = 0;
  for (const containers of cluster.sharingNames()) {
    if (++more <= MOST_SHARED_NAMES) {
      const where = containers.map(({ node, name }) => `${node.name}/${name}`).join(', ');
      yield `WARNING: containers ${where} have one name: rename or remove all but one (docker rename NODE/NAME NEW)`;
    }
  }
  more -= MOST_SHARED_NAMES;
  if (more > 0) yield `WARNING: ${more} more names are used by several containers`;
}

function warningsOf(node: Node): readonly string[] {
  const own = node.warnings.map((warning) => `WARNING: ${warning}`);
  if (node.isHealthy) return own;
  const who = node.info ? `node ${node.name} (${node.entry})` : `engine ${node.entry}`;
  return [`WARNING: ${who} is ${node.state.toLowerCase()}: ${node.reason}`, ...own];
}
