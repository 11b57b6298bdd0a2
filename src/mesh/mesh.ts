import { backoffMs, jitterMs } from '../common/backoff.ts';
import type { Clock } from '../common/clock.ts';
import { ConflictError } from '../common/errors.ts';
import type { Logger } from '../common/logger.ts';
import { Rest } from '../common/rest.ts';
import type { RecordStore } from '../kv/record-store.ts';
import { type Admission, admit } from './admission.ts';
import { quieten } from './copies.ts';
import { MeshRecords } from './mesh-records.ts';
import { planMesh } from './plan.ts';
import { MESH_MTU, type MeshOrder } from './protocol.ts';
import { Rests } from './rests.ts';
import { type MeshAgents, Sights } from './sights.ts';
import { type MeshStatus, meshStatus } from './status.ts';
import { directKey, type MeshPlan } from './types.ts';

export interface MeshDeps {
  readonly agents: MeshAgents;
  /** Of the kind `mesh`. */
  readonly records: RecordStore;
  /** Agents that may dial no manager: their keys are taken from all others. `RevokedAgents` fits. */
  readonly revoked: { has(id: string): boolean; subscribe(listener: (id: string) => void): () => void };
  /** Names of agents whose nodes discovery lists. */
  readonly listed: () => ReadonlySet<string>;
  readonly clock: Clock;
  readonly logger: Logger;
}

export interface MeshOptions {
  /** CIDR of a mesh that does not have one yet; default: one that overlaps no network of the first nodes. */
  readonly subnet?: string | undefined;
}

/** How long nothing is changed after a start while members have not dialled in yet. */
const SETTLE_MS = 30_000;
const SOON_MS = 1_000;
const IDLE_MS = 4_000;
/** How long a direct way is tried out. */
const PROBE_MS = 60_000;
const BACKOFF = { baseMs: 1_000, maxMs: 30_000 } as const;

const NOBODY: Admission = { subnet: undefined, changed: [], problems: new Map(), refused: new Set() };

/**
 * The encrypted network between the nodes whose agents ask for it: the primary looks at all of them again and again, plans how each two reach each
 * other, and tells each node its peers over the connection that its agent dialled. Nodes go on as they are while no manager answers.
 */
export class Mesh {
  readonly #deps: MeshDeps;
  readonly #options: MeshOptions;
  readonly #records: MeshRecords;
  readonly #rests: Rests;
  readonly #unsubscribe: () => void;
  readonly #sights: Sights;
  readonly #listeners = new Set<() => void>();
  #admission = NOBODY;
  #plan: MeshPlan = { orders: new Map(), paths: [], failed: [] };
  #told: ReadonlySet<string> = new Set();
  #startedMs = 0;
  #failedRounds = 0;
  readonly #rest: Rest;
  #loop: { readonly stop: AbortController; readonly ended: Promise<void> } | undefined;

  private constructor(deps: MeshDeps, options: MeshOptions, records: MeshRecords) {
    this.#deps = deps;
    this.#options = options;
    this.#records = records;
    this.#sights = new Sights(deps);
    this.#rests = new Rests(deps.clock);
    this.#rest = new Rest(deps.clock);
    this.#unsubscribe = deps.revoked.subscribe(() => this.#rest.wake());
  }

  static async open(deps: MeshDeps, options: MeshOptions = {}): Promise<Mesh> {
    return new Mesh(deps, options, await MeshRecords.open(deps));
  }

  /**
   * The address of a node in the mesh, by its agent's name, once it is set up there; `pending` before that, undefined for a node that is not in
   * the mesh.
   */
  addressOf(id: string): string | 'pending' | undefined {
    const member = this.#records.get(id);
    const sight = this.#sights.byId.get(id);
    if (!member) return sight?.isFresh ? 'pending' : undefined;
    return !sight || sight.report.applied !== undefined ? member.address : 'pending';
  }

  /** Told when an address that {@link addressOf} says may be another one. Returns what ends it. */
  subscribe(listener: () => void): () => void {
    this.#listeners.add(listener);
    return () => this.#listeners.delete(listener);
  }

  /**
   * Takes a node's key from all others, and its address: for one that left the cluster. Resolves when that is durable, false for one that is not in
   * the mesh; rejects with 409 for one that discovery lists and whose agent answers, as it would come back at once.
   */
  async remove(id: string): Promise<boolean> {
    const member = this.#records.get(id);
    if (!member) return false;
    if (this.#sights.byId.get(id)?.isFresh && this.#deps.listed().has(id))
      throw new ConflictError(
        `${id} is a node of the cluster, and its agent answers: take it out of discovery first, or revoke its agent with 'enxame agent revoke ${id}'`,
        'NODE_IN_USE',
      );
    await this.#records.delete(id);
    this.#sights.forget(id);
    this.#deps.logger.info(
      { agent: id, address: member.address },
      'mesh: a node was removed, and its key is taken from all others',
    );
    this.#rest.wake();
    return true;
  }

  /** Begins to look after the mesh. Idempotent; may follow {@link stop}. */
  start(): void {
    if (this.#loop) return;
    const stop = new AbortController();
    this.#startedMs = this.#deps.clock.elapsed();
    this.#loop = { stop, ended: this.#run(stop.signal) };
  }

  /** Leaves the nodes as they are. Resolves when nothing is under way any more. Idempotent. */
  async stop(): Promise<void> {
    const loop = this.#loop;
    this.#loop = undefined;
    loop?.stop.abort(new Error('the manager stops looking after the mesh'));
    await loop?.ended;
    this.#sights.clear();
  }

  /** Idempotent. */
  async close(): Promise<void> {
    this.#unsubscribe();
    await this.stop();
    await this.#records.close();
  }

  /** As of the last round. */
  get status(): MeshStatus {
    return meshStatus({
      subnet: this.#records.subnet,
      members: this.#records.list(),
      sights: this.#sights.byId,
      admission: this.#admission,
      plan: this.#plan,
      listed: this.#deps.listed(),
      revoked: this.#deps.revoked,
      nowMs: this.#deps.clock.now(),
    });
  }

  /** What a person should know, for `docker info`. */
  problems(): readonly string[] {
    return this.status.nodes.flatMap(({ id, problems }) =>
      problems.map((problem) => `WARNING: mesh: ${id}: ${problem}`),
    );
  }

  /** Until stopped. Never rejects. */
  async #run(signal: AbortSignal): Promise<void> {
    while (!signal.aborted) {
      let delayMs: number;
      this.#rest.begin();
      try {
        delayMs = await this.#round(signal);
        this.#failedRounds = 0;
      } catch (error) {
        if (signal.aborted) return;
        this.#failedRounds += 1;
        delayMs = backoffMs(this.#failedRounds, BACKOFF);
        this.#deps.logger.warn({ err: error }, 'mesh: round failed');
      }
      await this.#rest.over(delayMs, signal);
    }
  }

  /** One round; resolves with how long to wait for the next one. */
  async #round(signal: AbortSignal): Promise<number> {
    const before = this.#addresses();
    await this.#sights.look(signal);
    await this.#dropRevoked();
    const delayMs = this.#isSettled() ? await this.#tend(signal) : SOON_MS;
    if (this.#addresses() !== before) for (const listener of this.#listeners) listener();
    return delayMs;
  }

  async #tend(signal: AbortSignal): Promise<number> {
    const members = this.#records.list();
    if (this.#sights.byId.size === 0 && members.length === 0) return jitterMs(SOON_MS, 0.1);
    const { subnet } = this.#records;
    const listed = this.#deps.listed();
    this.#admission = admit({ subnet, wishedSubnet: this.#options.subnet, members, sights: this.#sights.byId, listed });
    if (this.#admission.subnet !== undefined) {
      await this.#records.put(this.#admission.subnet, this.#admission.changed);
      for (const member of this.#admission.changed) {
        this.#rests.wake(member.id);
        const { id, address, endpoint } = member;
        this.#deps.logger.info({ agent: id, address, endpoint }, 'mesh: a node is let in, or has moved');
      }
    }
    this.#warn();
    this.#plan = this.#planned();
    const { refused } = this.#admission;
    const quiet = quieten(refused, this.#sights.byId, this.#records.list(), this.#records.subnet ?? '');
    const orders = [...this.#plan.orders].filter(([id]) => !refused.has(id));
    return await this.#tell(new Map([...orders, ...quiet]), signal);
  }

  #planned(): MeshPlan {
    const members = this.#records.list();
    const sights = new Map([...this.#sights.byId].filter(([id]) => !this.#admission.refused.has(id)));
    const plan = planMesh({
      subnet: this.#records.subnet ?? '',
      mtu: MESH_MTU,
      members,
      sights,
      resting: this.#rests.resting(),
    });
    for (const key of plan.failed) {
      this.#deps.logger.warn({ way: key }, 'mesh: a way does not work, and another one is taken');
      this.#rests.add(key);
    }
    this.#rests.tried(
      plan.paths.flatMap(({ a, b, isProbed }) => (isProbed ? directKey(a, b) : [])),
      PROBE_MS,
    );
    return plan;
  }

  async #dropRevoked(): Promise<void> {
    for (const { id } of this.#records.list()) {
      if (!this.#deps.revoked.has(id)) continue;
      await this.#records.delete(id);
      this.#sights.forget(id);
      this.#deps.logger.warn({ agent: id }, 'mesh: the node was revoked, and its key is taken from all others');
    }
  }

  /** Whether enough is known to change something: right after a start most agents have yet to dial. */
  #isSettled(): boolean {
    if (this.#deps.clock.elapsed() - this.#startedMs >= SETTLE_MS) return true;
    return this.#records.list().every(({ id }) => this.#sights.byId.has(id));
  }

  /** Tells those that are not as they should be. All at the same time: what two of them share must change at both. */
  async #tell(orders: ReadonlyMap<string, MeshOrder>, signal: AbortSignal): Promise<number> {
    const due = this.#deps.agents.list().flatMap((agent) => {
      const sight = this.#sights.byId.get(agent.id);
      const order = orders.get(agent.id);
      const isDue = sight?.isFresh && order && sight.report.applied !== order.digest;
      return isDue ? [{ agent, order }] : [];
    });
    await Promise.all(due.map(({ agent, order }) => this.#sights.ask(agent, { order }, signal)));
    const isProbing = this.#plan.paths.some(({ isProbed }) => isProbed);
    return due.length > 0 || isProbing ? SOON_MS : jitterMs(IDLE_MS, 0.1);
  }

  #addresses(): string {
    return JSON.stringify(this.#records.list().map(({ id }) => [id, this.addressOf(id)]));
  }

  /** Once when it begins. */
  #warn(): void {
    const { problems } = this.#admission;
    const told = new Set([...problems].map(([id, problem]) => `${id} ${problem}`));
    for (const [agent, problem] of problems)
      if (!this.#told.has(`${agent} ${problem}`))
        this.#deps.logger.warn({ agent, problem }, 'mesh: a node is refused, or will not work');
    this.#told = told;
  }
}
