import type { FenceOrders } from '../agent/lease-file.ts';
import type { Cluster } from '../cluster/cluster.ts';
import { SITE_IS_NOT_FENCED } from '../cluster/site.ts';
import { BadRequestError, ConflictError } from '../common/errors.ts';
import { printable } from '../common/printable.ts';
import { uptimeMs } from '../common/uptime.ts';
import type { ContainerRecord, FenceWord } from '../desired/record.ts';
import type { RecordIndex } from '../desired/record-index.ts';
import { type RecordFormat, RecordView, type RecordViewDeps } from '../kv/record-view.ts';

/** What an agent says of itself with each renewal. */
export interface AgentReport {
  /** It ends strict containers when it could not renew for this long, in milliseconds. */
  readonly fenceMs: number;
  /** How long that may take it, in milliseconds. */
  readonly killMs: number;
  /** `host:port` where other agents reach it; undefined when they do not. */
  readonly peer?: string | undefined;
  /** The containers that it ends although their labels do not say so, by the engine's IDs: as it was ordered. */
  readonly strict?: readonly string[] | undefined;
  /** Why it has no lease although it hears the manager, in words: it ends strict containers. */
  readonly lacks?: string | undefined;
}

/** What an agent is told. */
export interface AgentOrders extends Partial<FenceOrders> {
  /** Agents of nodes in the cluster, this one included. */
  readonly agents: number;
  /** Where the others are reached. */
  readonly peers: readonly string[];
}

/** Clocks of different machines and messages under way are allowed for with this, in milliseconds. */
const MARGIN_MS = 2_000;
const MIN_MS = 1_000;
const MAX_MS = 3_600_000;
const MAX_AGENTS = 10_000;
/** Characters of what an agent says in words. */
const MAX_WHY = 300;

/** A container as its record says it is. */
export type StrictCopy = Pick<ContainerRecord, 'current' | 'fence'>;

export interface AgentLeasesDeps extends RecordViewDeps {
  readonly cluster: Cluster;
  /** What the agent of a node is to be told. */
  readonly ordersOf: (nodeId: string) => FenceOrders;
  /** Whether a node may have copies of strict containers that run elsewhere, or are about to. */
  readonly hasOldCopies: (nodeId: string) => boolean;
  /** A clock that counts suspended time too, in milliseconds. */
  readonly uptime?: () => number;
}

/**
 * The agents that end strict containers on their nodes when they hear no manager, and when each was heard last. What agents promised is
 * durable, so that a manager that starts waits for them too.
 */
export class AgentLeases {
  readonly #cluster: Cluster;
  readonly #uptime: () => number;
  readonly #ordersOf: (nodeId: string) => FenceOrders;
  readonly #hasOldCopies: (nodeId: string) => boolean;
  readonly #records: RecordView<AgentReport>;
  readonly #heardMs = new Map<string, number>();
  /** Why agents that are heard keep no lease. */
  readonly #lacks = new Map<string, string>();
  #startedMs: number;
  /** Since when at least half of the agents are heard, as far as renewals tell. */
  #quorumMs: number;

  private constructor(
    { cluster, uptime = uptimeMs, ordersOf, hasOldCopies }: AgentLeasesDeps,
    records: RecordView<AgentReport>,
  ) {
    this.#cluster = cluster;
    this.#uptime = uptime;
    this.#ordersOf = ordersOf;
    this.#hasOldCopies = hasOldCopies;
    this.#records = records;
    this.#startedMs = uptime();
    this.#quorumMs = this.#startedMs;
  }

  static async open(deps: AgentLeasesDeps): Promise<AgentLeases> {
    return new AgentLeases(deps, await RecordView.open(deps, FORMAT));
  }

  /** Forgets when agents were heard: another manager may have heard them since. What they promised still holds. */
  restart(): void {
    this.#heardMs.clear();
    this.#startedMs = this.#uptime();
    this.#quorumMs = this.#startedMs;
  }

  /**
   * An agent is heard; durable when it resolves. Throws 400 for a report that makes no sense, and 409 to an agent whose lease was over while old copies
   * may be on its node: a start that was under way when the node was cut off may be carried out only now, and without a lease it is ended at once.
   */
  async renew(nodeId: string, body: unknown): Promise<AgentOrders> {
    const said = readReport(body);
    if (!said || nodeId.length > 256)
      throw new BadRequestError('renew a lease: fenceMs and killMs should be from 1000 to 3600000', 'BAD_REPORT');
    const known = this.#records.get(nodeId);
    if (!known && this.#records.size >= MAX_AGENTS)
      throw new BadRequestError(`renew a lease: there are ${MAX_AGENTS} agents already`, 'TOO_MANY_AGENTS');
    if (known && this.#isOver(nodeId, known) && this.#hasOldCopies(nodeId)) throw new OldCopiesError();
    const { strict, plain } = this.#ordersOf(nodeId);
    // It lets go of all that it is not ordered: no promise outlives the answer that ends it.
    const kept = said.strict?.filter((id) => strict.includes(id)) ?? [];
    const { strict: _, lacks, ...times } = said;
    const report = kept.length > 0 ? { ...times, strict: kept } : times;
    // What was promised before holds until it is over: the longer times count while both may be kept.
    if (!known || FORMAT.write(known) !== FORMAT.write(report)) await this.#records.put(nodeId, report);
    if (!this.#isQuorumHeld()) this.#quorumMs = this.#uptime();
    this.#heardMs.set(nodeId, this.#uptime());
    if (lacks === undefined) this.#lacks.delete(nodeId);
    else this.#lacks.set(nodeId, lacks);
    const others = this.#present.filter((id) => id !== nodeId);
    const peers = others.flatMap((id) => this.#records.get(id)?.peer ?? []);
    const orders = strict.length + plain.length > 0 ? { strict, plain } : {};
    return { agents: others.length + 1, peers, ...orders };
  }

  /** Whether the agent of a strict container's node is known to end it: it reads labels, and has said so of what it was ordered. */
  isObeyed({ current: { nodeId, engineId }, fence }: StrictCopy): boolean {
    if (engineId === undefined || fence?.engineId !== engineId) return true;
    return this.#records.get(nodeId)?.strict?.includes(engineId) === true;
  }

  /** Whether a node's agent is heard in time, and lets strict containers run. */
  isHeld(nodeId: string): boolean {
    return this.#isHeard(nodeId) && !this.#lacks.has(nodeId);
  }

  #isHeard(nodeId: string): boolean {
    const report = this.#records.get(nodeId);
    const heardMs = this.#heardMs.get(nodeId);
    return report !== undefined && heardMs !== undefined && this.#uptime() - heardMs < report.fenceMs;
  }

  /** Whether it has ended its strict containers by now; a manager that starts takes it for heard then. */
  #isOver(nodeId: string, { fenceMs }: AgentReport): boolean {
    return this.#uptime() - (this.#heardMs.get(nodeId) ?? this.#startedMs) >= fenceMs;
  }

  /** Nodes that cannot take strict containers, by ID, with the reason. */
  refusals(): ReadonlyMap<string, string> {
    const without = this.#cluster.nodes.filter(({ id }) => !this.isHeld(id));
    return new Map(without.map(({ id, isSite }) => [id, isSite ? SITE_IS_NOT_FENCED : this.#refusalOf(id)]));
  }

  #refusalOf(nodeId: string): string {
    const lacks = this.#isHeard(nodeId) ? this.#lacks.get(nodeId) : undefined;
    return lacks === undefined ? NO_AGENT : `its agent ends strict containers: it cannot ${lacks}`;
  }

  /**
   * Why the strict containers of a lost node must not run elsewhere yet, in words, and for how long yet where that is known; undefined when they
   * have ended there.
   */
  notYet(copy: StrictCopy): { readonly why: string; readonly forMs?: number } | undefined {
    const { nodeId } = copy.current;
    const report = this.#records.get(nodeId);
    if (!report || !this.isObeyed(copy)) return { why: UNATTENDED };
    // A manager that was cut off from the agents waits as one that starts: they may have kept theirs meanwhile.
    const sinceMs = Math.max(this.#heardMs.get(nodeId) ?? this.#startedMs, this.#quorumMs);
    const leftMs = this.graceMs(report) - (this.#uptime() - sinceMs);
    const seconds = this.graceMs(report) / 1000;
    const why = `strict: the agent of its node may let it run for ${seconds} s after it or most others were last heard`;
    if (leftMs > 0) return { why, forMs: leftMs };
    // Agents that reach more than half of all and hear no manager keep their containers.
    return this.#isQuorumHeld() ? undefined : { why: 'strict: fewer than half of the agents are heard' };
  }

  /** Why it would not run elsewhere, however long its node were lost; undefined when it would. */
  never(copy: StrictCopy): string | undefined {
    return this.#records.has(copy.current.nodeId) && this.isObeyed(copy) ? undefined : UNATTENDED;
  }

  #isQuorumHeld(): boolean {
    const present = this.#present;
    return present.filter((id) => this.#isHeard(id)).length * 2 >= present.length;
  }

  /** From an agent's last renewal until its strict containers have ended, in milliseconds. */
  graceMs({ fenceMs, killMs }: AgentReport): number {
    return fenceMs + killMs + MARGIN_MS;
  }

  /** Its node is not of the cluster any more. */
  async forget(nodeId: string): Promise<void> {
    this.#heardMs.delete(nodeId);
    this.#lacks.delete(nodeId);
    if (this.#records.has(nodeId)) await this.#records.delete(nodeId);
  }

  get #present(): readonly string[] {
    return [...this.#records.keys()].filter((id) => this.#cluster.node(id) !== undefined);
  }
}

class OldCopiesError extends ConflictError {
  constructor() {
    super('renew a lease: old copies of strict containers are ended on its node first; ask again', 'OLD_COPIES');
  }
}

/** Of the records of a node. */
export function fenceOrders(records: readonly ContainerRecord[]): FenceOrders {
  const words = records.flatMap(({ fence, current }) => (fence && fence.engineId === current.engineId ? [fence] : []));
  const named = (wanted: FenceWord['is']): string[] =>
    words.flatMap(({ is, engineId }) => (is === wanted ? [engineId] : []));
  return { strict: named('strict'), plain: named('off') };
}

/** Whether records say that copies of strict containers are left behind on a node, or that their successors are being made. */
export function hasOldStrictCopies(index: RecordIndex, nodeId: string): boolean {
  const isLeft = index.staleOn(nodeId).some(({ record }) => record.terms.isStrict);
  return isLeft || index.onNode(nodeId).some(({ terms, move }) => terms.isStrict && move !== undefined);
}

const UNATTENDED = 'strict: its node had no agent that would have ended it';
const NO_AGENT = 'no agent on it ends strict containers (enxame join --fence)';

const FORMAT: RecordFormat<AgentReport> = {
  read: (text) => readReport(JSON.parse(text)),
  write: ({ fenceMs, killMs, peer, strict }) =>
    JSON.stringify({ fenceMs, killMs, ...(peer !== undefined && { peer }), ...(strict && { strict }) }),
};

function readReport(value: unknown): AgentReport | undefined {
  const { fenceMs, killMs, peer, strict, lacks } = (value ?? {}) as Readonly<Record<string, unknown>>;
  const areTimes = [fenceMs, killMs].every((ms) => typeof ms === 'number' && ms >= MIN_MS && ms <= MAX_MS);
  if (!areTimes) return undefined;
  const isPeer = typeof peer === 'string' && /^[^\s/]{1,255}:\d{1,5}$/.test(peer);
  return {
    fenceMs: fenceMs as number,
    killMs: killMs as number,
    ...(isPeer && { peer }),
    ...(typeof lacks === 'string' && { lacks: printable(lacks.slice(0, MAX_WHY)) }),
    ...(Array.isArray(strict) && { strict: strict.filter((id) => typeof id === 'string') }),
  };
}
