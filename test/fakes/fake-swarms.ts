import { EngineError } from '../../src/common/errors.ts';
import { EngineAnswerError, type EngineRequest } from '../../src/engine/exchange.ts';
import type { MemberEvent, SubstrateMember, SubstrateMembers } from '../../src/substrate/types.ts';
import { jsonClient } from './json-client.ts';

/** A node of a swarm as all its managers hold it. */
interface Entry {
  readonly nodeId: string;
  readonly engine: FakeSwarmEngine;
  role: 'manager' | 'worker';
  /** Whether it takes part in this quorum; false for what a new quorum left behind. */
  isIn: boolean;
}

/** One swarm: the state its managers share. */
class Swarm {
  readonly id: string;
  labels: Readonly<Record<string, string>>;
  readonly entries: Entry[] = [];
  leader: Entry | undefined;

  constructor(id: string, labels: Readonly<Record<string, string>>) {
    this.id = id;
    this.labels = labels;
  }

  /** The leader, elected anew if need be; undefined without a quorum. */
  lead(): Entry | undefined {
    const voters = this.entries.filter(({ role, isIn }) => role === 'manager' && isIn);
    const reached = voters.filter((entry) => this.reaches(entry) && entry.engine.canManage);
    if (reached.length * 2 <= voters.length) this.leader = undefined;
    else if (!this.leader || !reached.includes(this.leader)) this.leader = reached[0];
    return this.leader;
  }

  reaches({ engine, nodeId }: Entry): boolean {
    return engine.isHealthy && engine.swarm === this && engine.nodeId === nodeId;
  }

  entry(nodeId: string): Entry {
    const found = this.entries.find((each) => each.nodeId === nodeId);
    if (!found) throw new EngineAnswerError(`node ${nodeId} not found`, 404);
    return found;
  }
}

/** An engine with swarm mode; what it is in and how it is may be set by hand. */
export class FakeSwarmEngine implements SubstrateMember {
  readonly id: string;
  readonly name: string;
  readonly address: string;
  readonly labels: ReadonlyMap<string, string>;
  readonly client: SubstrateMember['client'];
  isHealthy = true;
  swarm: Swarm | undefined;
  nodeId = '';
  /** Whether it becomes a manager when it is asked to; else it stays unreachable as one. */
  canManage = true;
  /** What it answers to a join instead of joining. */
  joinFailure: string | undefined;
  /** Major version; from 28 on an engine does not join through older ones. */
  release = 28;
  /** How many engines its gossip hears, itself included, or that it does not have the network; all that are up unless set. */
  hears: number | 'none' | undefined;
  /** Of a join that goes on in the background, as an engine tells it. */
  joining: 'pending' | 'error' | undefined;
  /** Whether a join through managers comes to nothing there: it is `pending`, then `error`. */
  isCutOffFrom: (manager: FakeSwarmEngine) => boolean = () => false;

  constructor(world: FakeSwarms, name: string, address: string, labels: ReadonlyMap<string, string>) {
    this.id = name;
    this.name = name;
    this.address = address;
    this.labels = labels;
    this.client = jsonClient((request) => world.answer(this, request));
  }
}

/** Engines that form swarms in memory, by the calls of the Engine API; every change is noted. */
export class FakeSwarms implements SubstrateMembers {
  nodes: readonly FakeSwarmEngine[];
  /** Changes in order: `a init`, `b join`, `a promote b`. */
  readonly changes: string[] = [];
  /** Every call: `a GET /info`. */
  readonly calls: string[] = [];
  readonly #listeners = new Set<(event: MemberEvent) => void>();
  #serial = 0;

  constructor(names: readonly string[], labels: Readonly<Record<string, string>> = {}) {
    const shared = new Map(Object.entries(labels));
    this.nodes = names.map((name, i) => new FakeSwarmEngine(this, name, `10.9.0.${i + 1}`, shared));
  }

  subscribe(listener: (event: MemberEvent) => void): () => void {
    this.#listeners.add(listener);
    return () => this.#listeners.delete(listener);
  }

  engine(name: string): FakeSwarmEngine {
    const found = this.nodes.find((each) => each.name === name);
    if (!found) throw new Error(`no engine ${name}`);
    return found;
  }

  /** Makes an engine healthy or not, and tells it. */
  setHealth(name: string, isHealthy: boolean): void {
    const node = this.engine(name);
    node.isHealthy = isHealthy;
    this.#tell({ kind: 'node-state', node });
  }

  /** Takes an engine out of the cluster; it goes on running unless it is down. */
  drop(name: string): FakeSwarmEngine {
    const node = this.engine(name);
    this.nodes = this.nodes.filter((each) => each !== node);
    this.#tell({ kind: 'node-removed', node });
    return node;
  }

  /** Takes an engine into the cluster. */
  add(name: string): FakeSwarmEngine {
    const node = new FakeSwarmEngine(this, name, `10.9.0.${this.nodes.length + 1}`, new Map());
    this.nodes = [...this.nodes, node];
    this.#tell({ kind: 'node-added', node });
    return node;
  }

  /** Makes a swarm of one engine, as somebody would by hand. */
  found(name: string, labels: Readonly<Record<string, string>> = {}): void {
    this.#init(this.engine(name), labels);
  }

  /** Lets go of an engine that is down in the swarm of another one. */
  forget(manager: string, name: string): void {
    const { swarm } = this.engine(manager);
    const index = swarm?.entries.findIndex(({ engine }) => engine.name === name) ?? -1;
    if (index >= 0) swarm?.entries.splice(index, 1);
  }

  /** `a leader, b manager, c worker`, as the swarm of this engine has them; `none` outside of any. */
  roles(name: string): string {
    const { swarm } = this.engine(name);
    if (!swarm) return 'none';
    const leader = swarm.lead();
    return swarm.entries.map((entry) => `${entry.engine.name} ${entry === leader ? 'leader' : entry.role}`).join(', ');
  }

  #tell(event: MemberEvent): void {
    for (const listener of this.#listeners) listener(event);
  }

  /** Answers one call as an engine does. */
  async answer(engine: FakeSwarmEngine, request: EngineRequest): Promise<unknown> {
    const [path = ''] = request.path.split('?');
    this.calls.push(`${engine.name} ${request.method} ${path}`);
    if (!engine.isHealthy) throw new EngineError(`${engine.name} does not answer`, 'ENGINE_UNREACHABLE');
    const body = request.body === undefined ? {} : JSON.parse(String(request.body));
    return this.#route(engine, `${request.method} ${path}`, body);
  }

  // biome-ignore lint/suspicious/noExplicitAny: bodies of many shapes.
  #route(engine: FakeSwarmEngine, call: string, body: any): unknown {
    if (call === 'GET /info') return this.#info(engine);
    if (call === 'GET /networks' || call === 'GET /containers/json' || call === 'GET /tasks') return [];
    if (call === 'GET /networks/ingress') return this.#ingress(engine);
    if (call === 'POST /swarm/join') return this.#join(engine, body);
    if (call === 'POST /swarm/leave') return this.#leave(engine);
    if (call === 'POST /swarm/init') return body.ForceNewCluster ? this.#revive(engine) : this.#form(engine, body);
    const swarm = this.#led(engine);
    if (call === 'GET /nodes') return swarm.entries.map((entry) => nodeJson(swarm, entry));
    if (call === 'GET /swarm') return { ID: swarm.id, ...VERSION, Spec: { Labels: swarm.labels }, JoinTokens: TOKENS };
    if (call === 'POST /swarm/update') swarm.labels = body.Labels;
    const [, nodeId = '', update] = /^\w+ \/nodes\/([^/]+)(\/update)?$/.exec(call) ?? [];
    if (call.startsWith('GET /nodes/')) return nodeJson(swarm, swarm.entry(nodeId));
    if (update) this.#setRole(engine, swarm.entry(nodeId), body.Role);
    if (call.startsWith('DELETE /nodes/')) this.#remove(engine, swarm, swarm.entry(nodeId));
    return {};
  }

  #info(engine: FakeSwarmEngine): object {
    const { swarm, nodeId, release } = engine;
    const ServerVersion = `${release}.0.1`;
    if (!swarm) return { ServerVersion, Swarm: { NodeID: '', LocalNodeState: engine.joining ?? 'inactive' } };
    const entry = swarm.entries.find((each) => each.nodeId === nodeId);
    const isManager = entry?.role === 'manager' && engine.canManage;
    const managers = swarm.entries.filter(({ role, isIn }) => role === 'manager' && isIn);
    const Cluster = isManager && swarm.lead() ? { ID: swarm.id, Spec: { Labels: swarm.labels } } : null;
    const RemoteManagers = managers.map((each) => ({ Addr: `${each.engine.address}:2377` }));
    return {
      ServerVersion,
      Swarm: { NodeID: nodeId, LocalNodeState: 'active', ControlAvailable: isManager, RemoteManagers, Cluster },
    };
  }

  #ingress({ swarm, hears }: FakeSwarmEngine): object {
    if (!swarm || hears === 'none') throw new EngineAnswerError('network ingress not found', 404);
    const up = swarm.entries.filter((entry) => swarm.reaches(entry));
    return { Peers: up.slice(0, hears ?? up.length).map(({ engine }) => ({ Name: engine.name, IP: engine.address })) };
  }

  #led({ swarm, nodeId }: FakeSwarmEngine): Swarm {
    const entry = swarm?.entries.find((each) => each.nodeId === nodeId);
    if (!swarm || entry?.role !== 'manager') throw new EngineAnswerError('This node is not a swarm manager.', 503);
    if (!swarm.lead()) throw new EngineAnswerError('rpc error: The swarm does not have a leader.', 500);
    return swarm;
  }

  #form(engine: FakeSwarmEngine, body: { readonly Spec: { readonly Labels: Record<string, string> } }): string {
    if (engine.swarm) throw new EngineAnswerError('This node is already part of a swarm.', 503);
    this.changes.push(`${engine.name} init`);
    return this.#init(engine, body.Spec.Labels);
  }

  #init(engine: FakeSwarmEngine, labels: Readonly<Record<string, string>>): string {
    const swarm = new Swarm(`swarm-${++this.#serial}`, labels);
    return this.#enter(engine, swarm, 'manager');
  }

  #enter(engine: FakeSwarmEngine, swarm: Swarm, role: Entry['role']): string {
    engine.swarm = swarm;
    engine.nodeId = `node-${++this.#serial}`;
    swarm.entries.push({ nodeId: engine.nodeId, engine, role, isIn: true });
    return engine.nodeId;
  }

  #join(engine: FakeSwarmEngine, body: { readonly RemoteAddrs: readonly string[] }): object {
    if (engine.joinFailure !== undefined) throw new EngineAnswerError(engine.joinFailure, 503);
    if (engine.swarm) throw new EngineAnswerError('This node is already part of a swarm.', 503);
    // Engines keep to the first.
    const manager = this.nodes.find(({ address }) => body.RemoteAddrs[0] === `${address}:2377`);
    if (!manager?.swarm) throw new EngineAnswerError('could not reach any manager', 500);
    if (engine.release >= 28 && manager.release < 28) throw new EngineAnswerError(TOO_OLD, 500);
    if (engine.isCutOffFrom(manager)) {
      engine.joining = 'pending';
      throw new EngineAnswerError('Timeout was reached before node joined.', 504);
    }
    this.changes.push(`${engine.name} join`);
    this.#enter(engine, manager.swarm, 'worker');
    return {};
  }

  #leave(engine: FakeSwarmEngine): object {
    this.changes.push(`${engine.name} leave`);
    engine.swarm = undefined;
    engine.joining = undefined;
    engine.nodeId = '';
    return {};
  }

  /** A quorum of one; the other managers keep to the state they had. */
  #revive(engine: FakeSwarmEngine): object {
    const { swarm: old, nodeId } = engine;
    if (!old) throw new EngineAnswerError('This node is not part of a swarm', 503);
    this.changes.push(`${engine.name} force-new-cluster`);
    const swarm = new Swarm(old.id, old.labels);
    for (const entry of old.entries) {
      const isIn = entry.role === 'worker' || entry.nodeId === nodeId;
      swarm.entries.push({ ...entry, isIn });
      if (isIn && entry.engine.swarm === old) entry.engine.swarm = swarm;
    }
    return {};
  }

  #setRole(asked: FakeSwarmEngine, entry: Entry, role: Entry['role']): void {
    this.changes.push(`${asked.name} ${role === 'manager' ? 'promote' : 'demote'} ${entry.engine.name}`);
    entry.role = role;
  }

  #remove(asked: FakeSwarmEngine, swarm: Swarm, entry: Entry): void {
    if (entry.role === 'manager' && entry.isIn) throw new EngineAnswerError('is a cluster manager', 400);
    this.changes.push(`${asked.name} remove ${entry.engine.name}`);
    swarm.entries.splice(swarm.entries.indexOf(entry), 1);
  }
}

const VERSION = { Version: { Index: 1 } };
const TOO_OLD =
  'rpc error: authentication handshake failed: credentials: cannot check peer: missing selected ALPN property';
const TOKENS = { Worker: 'SWMTKN-worker' };

function nodeJson(swarm: Swarm, entry: Entry): object {
  const { nodeId, engine, role, isIn } = entry;
  const isUp = swarm.reaches(entry);
  const Reachability = isUp && engine.canManage ? 'reachable' : 'unreachable';
  return {
    ID: nodeId,
    ...VERSION,
    Spec: { Role: role },
    Description: {
      Hostname: engine.name,
      Engine: { EngineVersion: `${engine.release}.0.1`, Labels: Object.fromEntries(engine.labels) },
    },
    Status: { State: isUp && isIn ? 'ready' : 'down', Addr: engine.address },
    ManagerStatus:
      role === 'manager' && isIn
        ? { Leader: entry === swarm.lead(), Reachability, Addr: `${engine.address}:2377` }
        : null,
  };
}
