import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { FakeEngine } from '../../simulator/fake-engine.ts';
import { systemClock } from '../../src/common/clock.ts';
import type { DiscoveryBackend } from '../../src/discovery/backend.ts';
import { openDiscovery } from '../../src/discovery/discovery.ts';
import { parseEntry } from '../../src/discovery/entry.ts';
import { type EnxameProcess, enxame } from '../engines/enxame-process.ts';
import { callJson, type Outcome } from '../faults/json-call.ts';
import { freePorts } from '../free-ports.ts';

/** One manager, a process of its own. */
export interface ManagerProcess {
  readonly name: string;
  readonly port: number;
  /** Undefined while it is down. */
  process: EnxameProcess | undefined;
}

/** A container as a manager or an engine lists it. */
export interface Copy {
  readonly Id: string;
  readonly Names: readonly string[];
  readonly State: string;
}

/** A condition is waited for this long, in milliseconds: no bound that anything is measured by. */
const PATIENCE_MS = 240_000;
const LOOK_MS = 50;
const REGISTERED_MS = 3_600_000;

/** Three managers as users start them, over simulated engines and a store with real servers. */
export class ReplicatedManagers {
  readonly engines: readonly FakeEngine[];
  readonly members: readonly ManagerProcess[];
  readonly #uri: string;
  readonly #folder: string;
  readonly #agent: DiscoveryBackend;

  private constructor(
    uri: string,
    engines: readonly FakeEngine[],
    ports: readonly number[],
    agent: DiscoveryBackend,
    folder: string,
  ) {
    this.#uri = uri;
    this.engines = engines;
    this.members = ports.map((port, i) => ({ name: `m${i}`, port, process: undefined }));
    this.#agent = agent;
    this.#folder = folder;
  }

  /** @param uri the store, as the discovery argument names it */
  static async start(uri: string): Promise<ReplicatedManagers> {
    const engines = await Promise.all(
      ['one', 'two', 'three'].map((name) => FakeEngine.start({ name, images: ['redis:latest'] })),
    );
    const settings = { heartbeatMs: 60_000, clock: systemClock, options: new Map(), env: {} };
    const agent = await openDiscovery(uri, settings);
    for (const { address } of engines)
      await agent.register?.(parseEntry(address), REGISTERED_MS, new AbortController().signal);
    const folder = await mkdtemp(join(tmpdir(), 'enxame-managers-'));
    const managers = new ReplicatedManagers(uri, engines, await freePorts(3), agent, folder);
    await Promise.all(managers.members.map((member) => managers.startOne(member)));
    for (const member of managers.members)
      await until('all nodes', async () => (await managers.healthyNodes(member)) === engines.length);
    return managers;
  }

  async startOne(member: ManagerProcess): Promise<void> {
    const address = `127.0.0.1:${member.port}`;
    const process = enxame([
      'manage',
      ...['-H', `tcp://${address}`, '--replication', '--advertise', address],
      ...['--state-dir', join(this.#folder, member.name), '--stats', 'off', '--cluster-opt', 'enxame.substrate=off'],
      ...['--engine-probe-interval', '1s', '--engine-probe-timeout', '2s', '--engine-failure-retry', '2'],
      this.#uri,
    ]);
    await process.until(/Manager at /);
    member.process = process;
  }

  /** Whether they are up or suspended, all are up afterwards. */
  async mend(): Promise<void> {
    for (const engine of this.engines) await engine.apply({ kind: 'none' });
    for (const member of this.members) {
      if (member.process) member.process.child.kill('SIGCONT');
      else await this.startOne(member);
    }
  }

  /** All nodes take containers, and have none. */
  async empty(): Promise<void> {
    const { primary } = await this.roles();
    for (const member of this.members)
      await until('all nodes', async () => (await this.healthyNodes(member)) === this.engines.length);
    for (const engine of this.engines) await this.setAvailability(primary, engine, 'active');
    await until('an empty cluster', async () => {
      const { value } = await this.call<Copy[]>(primary, 'GET', '/containers/json?all=1');
      if (!Array.isArray(value)) return false;
      for (const { Id } of value) await this.call(primary, 'DELETE', `/containers/${Id}?force=1`);
      return value.length === 0 && this.copies().length === 0;
    });
  }

  async kill(member: ManagerProcess): Promise<void> {
    const { process } = member;
    member.process = undefined;
    await process?.end('SIGKILL');
  }

  /** The one of `among` that leads and the others, once all of these know it: one that knows of none refuses changes. */
  async roles(
    among: readonly ManagerProcess[] = this.members,
  ): Promise<{ readonly primary: ManagerProcess; readonly replicas: readonly ManagerProcess[] }> {
    let primary: ManagerProcess | undefined;
    await until('a primary that all know', async () => {
      const infos = await Promise.all(among.map((member) => this.info(member)));
      const leading = among.filter((_, i) => infos[i]?.get('Role') === 'primary');
      primary = leading.length === 1 ? leading[0] : undefined;
      const address = `127.0.0.1:${primary?.port}`;
      return infos.every((info) => info.get('Role') === 'primary' || info.get('Primary') === address);
    });
    if (!primary) throw new Error('there is one');
    return { primary, replicas: among.filter((member) => member !== primary) };
  }

  /** Rows of `docker info`. */
  async info(member: ManagerProcess): Promise<ReadonlyMap<string, string>> {
    const { value } = await this.call<{ SystemStatus?: [string, string][] }>(member, 'GET', '/info');
    return new Map(value?.SystemStatus ?? []);
  }

  async healthyNodes(member: ManagerProcess): Promise<number> {
    const { value } = await this.call<{ Status: { State: string } }[]>(member, 'GET', '/nodes');
    return (Array.isArray(value) ? value : []).filter(({ Status }) => Status.State === 'ready').length;
  }

  call<T>({ port }: ManagerProcess, method: string, path: string, body?: unknown): Promise<Outcome<T>> {
    return callJson<T>({ port }, method, path, body);
  }

  create(member: ManagerProcess, name: string): Promise<Outcome<{ readonly Id: string }>> {
    const body = { Image: 'redis', HostConfig: { RestartPolicy: { Name: 'unless-stopped' } } };
    return this.call(member, 'POST', `/containers/create?name=${name}`, body);
  }

  /** Makes a container, and starts it unless told otherwise. One whose answer was lost may have been made. */
  async make(member: ManagerProcess, name: string, isStarted = true): Promise<void> {
    let asked = 0;
    await until(`${name} to be made`, async () => {
      asked += 1;
      const { status } = await this.create(member, name);
      return status === 201 || (asked > 1 && status === 409);
    });
    if (!isStarted) return;
    const path = `/containers/${name}/start`;
    await until(`${name} to run`, async () => isOneOf([204, 304], await this.call(member, 'POST', path)));
  }

  async remove(member: ManagerProcess, name: string): Promise<void> {
    const path = `/containers/${name}?force=1`;
    await until(`${name} to be gone`, async () => isOneOf([204, 404], await this.call(member, 'DELETE', path)));
  }

  /** `docker node update --availability`. A replica may show a node as it was, and is refused then. */
  async setAvailability(member: ManagerProcess, engine: FakeEngine, Availability: string): Promise<void> {
    interface Listed {
      ID: string;
      Version: { Index: number };
      Spec: Record<string, unknown>;
      Description: { Hostname: string };
    }
    const { name } = engine.state.profile;
    let answer = '';
    const isSet = async (): Promise<boolean> => {
      const { value } = await this.call<Listed[]>(member, 'GET', '/nodes');
      const node = Array.isArray(value) ? value.find(({ Description }) => Description.Hostname === name) : undefined;
      const path = `/nodes/${node?.ID}/update?version=${node?.Version.Index}`;
      const { status, said } = await this.call(member, 'POST', path, { ...node?.Spec, Availability });
      answer = `${status} ${said}`;
      return status === 200;
    };
    await until(`${name} to be ${Availability}`, isSet).catch((error: unknown) => {
      throw new Error(`${error}: ${answer}`);
    });
  }

  /** Name, state and engine of all that engines have. */
  copies(): readonly string[] {
    return this.engines.flatMap(({ state }) =>
      [...state.containers.values()].map(({ name, state: is }) => `${name} ${is} on ${state.profile.name}`),
    );
  }

  /** What a manager shows, by name and state. */
  async listed(member: ManagerProcess): Promise<readonly string[] | undefined> {
    const { value } = await this.call<Copy[]>(member, 'GET', '/containers/json?all=1');
    return Array.isArray(value)
      ? value.map(({ Names, State }) => `${Names[0]?.split('/').at(-1)} ${State}`).sort()
      : undefined;
  }

  async close(): Promise<void> {
    await Promise.all(this.members.map((member) => this.kill(member)));
    await this.#agent.close();
    await Promise.all(this.engines.map((engine) => engine.close()));
    await rm(this.#folder, { recursive: true, force: true });
  }
}

function isOneOf(statuses: readonly number[], { status }: Outcome): boolean {
  return statuses.includes(status ?? 0);
}

/** Resolves once `condition` does with true; rejects with `what` after minutes. */
export async function until(what: string, condition: () => Promise<boolean>): Promise<void> {
  const deadline = performance.now() + PATIENCE_MS;
  while (!(await condition())) {
    if (performance.now() > deadline) throw new Error(`${what}: not within ${PATIENCE_MS / 1000} s`);
    await new Promise((resolve) => setTimeout(resolve, LOOK_MS));
  }
}
