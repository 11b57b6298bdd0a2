import { rm } from 'node:fs/promises';
import { join } from 'node:path';
import pLimit from 'p-limit';
import type { Clock } from '../../common/clock.ts';
import { coalesced } from '../../common/coalesced.ts';
import { reasonOf } from '../../common/errors.ts';
import type { Logger } from '../../common/logger.ts';
import { writePrivate } from '../../common/private-file.ts';
import type { MeshOrder, MeshReport, PeerReport } from '../../mesh/protocol.ts';
import { readQuestion } from '../../mesh/read.ts';
import { Echo } from './echo.ts';
import { keepFirewall } from './firewall.ts';
import { forward, type HostFacts, readHostFacts } from './host-facts.ts';
import { loadState, type MeshState, publicKeyOf, saveState } from './mesh-state.ts';
import {
  address,
  boundPort,
  configuration,
  freeUdpPort,
  MeshError,
  makeInterface,
  readFacts,
  readFits,
  setFit,
  synchronise,
  type WireGuardFacts,
} from './wireguard.ts';

export interface NodeMeshDeps {
  readonly clock: Clock;
  readonly logger: Logger;
}

export interface NodeMeshOptions {
  /** Where the key and what the manager said are kept. */
  readonly folder: string;
  /** UDP port that is wished for; see {@link isPortFixed}. */
  readonly port: number;
  /** Whether the node is of no use at another port: one that others were told of. */
  readonly isPortFixed: boolean;
  /** Where others reach the port; see `MeshReport.public`. */
  readonly public?: string | undefined;
}

const UPKEEP_MS = 5_000;
/** How long what the host's own networks are is taken for granted. */
const HOST_MS = 15_000;
/** A handshake of this age, in seconds, is news of a peer by itself. */
const NEWS_S = 20;

/**
 * A node's end of the mesh: the interface, its firewall, and what the manager is told. What was set up stays when the agent ends: containers go
 * on talking. One at a time in a folder.
 */
export class NodeMesh {
  readonly #deps: NodeMeshDeps;
  readonly #options: NodeMeshOptions;
  readonly #echo: Echo;
  /** What changes the host, one after the other. */
  readonly #turns = pLimit(1);
  /** By key: how much a peer had sent, and when that last grew. */
  readonly #heard = new Map<string, { readonly bytes: number; readonly atMs: number | undefined }>();
  #host: { readonly facts: HostFacts; readonly atMs: number } | undefined;
  #state: MeshState;
  #kind: MeshReport['kind'] = 'kernel';
  #port = 0;
  #applied: string | undefined;
  #problems: readonly string[] = [];
  /** By address in the mesh: the size of packets that arrive, where those of the full size do not. */
  #fits = new Map<string, number>();
  /** By address in the mesh: the peer and the place through which it was reached, at the last order that was carried out. */
  #through: ReadonlyMap<string, string> = new Map();
  #timer: NodeJS.Timeout | undefined;
  #isClosed = false;

  private constructor(deps: NodeMeshDeps, options: NodeMeshOptions, state: MeshState) {
    this.#deps = deps;
    this.#options = options;
    this.#state = state;
    this.#echo = new Echo(
      () => deps.clock.elapsed(),
      undefined,
      (to, bytes) => void this.#turns(() => this.#fit(to, bytes)),
    );
  }

  /**
   * Makes the interface and sets it up as the manager said last, which needs no manager. Rejects with one line when this host has no WireGuard, or
   * the port is taken that others were told of.
   */
  static async open(deps: NodeMeshDeps, options: NodeMeshOptions): Promise<NodeMesh> {
    const mesh = new NodeMesh(deps, options, await loadState(options.folder));
    await mesh.#turns(() => mesh.#makeInterface());
    const { order } = mesh.#state;
    mesh.#fits = await readFits(mesh.#state.name);
    if (order) await mesh.#turns(() => mesh.#try(order));
    // It may take longer than that: the next one waits, and no others behind it.
    const upkeep = coalesced(() => mesh.#turns(() => mesh.#upkeep()));
    mesh.#timer = setInterval(() => void upkeep(), UPKEEP_MS);
    const { name } = mesh.#state;
    const fields = { interface: name, port: mesh.#port, address: order?.address };
    deps.logger.info(fields, mesh.#kind === 'kernel' ? 'mesh: WireGuard is up' : 'mesh: wireguard-go is up');
    return mesh;
  }

  /** Whether it has an address: what was kept, or what the manager said since. */
  get isUp(): boolean {
    return this.#applied !== undefined;
  }

  /** UDP port of WireGuard. */
  get port(): number {
    return this.#port;
  }

  /** Does what the manager says, and tells how the node is. Rejects for an order that cannot be read, having done nothing. */
  async answer(question: unknown): Promise<MeshReport> {
    const { order } = readQuestion(question);
    return await this.#turns(async () => {
      if (order) {
        await this.#keep(order);
        await this.#try(order);
      }
      return await this.#report();
    });
  }

  /** Looks after the host no longer; the interface stays. Idempotent. */
  async close(): Promise<void> {
    this.#isClosed = true;
    clearInterval(this.#timer);
    await this.#turns(() => this.#echo.close());
  }

  async #makeInterface(): Promise<void> {
    const { name } = this.#state;
    this.#kind = await makeInterface(name);
    const facts = await readFacts(name, this.#deps.clock.now());
    // What runs already has its port.
    const has = facts.key === publicKeyOf(this.#state.privateKey) ? facts.port : 0;
    const wished = this.#options.isPortFixed ? this.#options.port : (this.#state.port ?? this.#options.port);
    this.#port = has !== 0 && (has === wished || !this.#options.isPortFixed) ? has : await this.#choosePort(wished);
    if (this.#port !== this.#state.port) {
      this.#state = { ...this.#state, port: this.#port };
      await saveState(this.#options.folder, this.#state);
    }
    if (has !== this.#port) await this.#synchronise(this.#state.order);
  }

  async #choosePort(wished: number): Promise<number> {
    const port = this.#options.isPortFixed ? await boundPort(wished) : await freeUdpPort(wished);
    if (port === undefined)
      throw new MeshError(`UDP port ${wished} is taken on this host: give another one with --mesh-port, or free it`);
    if (port !== wished) this.#deps.logger.warn({ wished, port }, 'mesh: the UDP port is taken, another one is used');
    return port;
  }

  async #synchronise(order: MeshOrder | undefined): Promise<void> {
    // `wg` opens no socket, which is what standard input would be.
    const file = join(this.#options.folder, 'wg.conf');
    await writePrivate(file, configuration(this.#state.privateKey, this.#port, order));
    try {
      await synchronise(this.#state.name, file);
    } finally {
      await rm(file, { force: true });
    }
  }

  async #keep(order: MeshOrder): Promise<void> {
    if (this.#state.order?.digest === order.digest) return;
    this.#state = { ...this.#state, order };
    await saveState(this.#options.folder, this.#state);
  }

  /** Sets the node up; what fails is told in the report, and tried again. */
  async #try(order: MeshOrder): Promise<void> {
    this.#applied = undefined;
    try {
      const { name } = this.#state;
      // No packet of the mesh before the firewall knows it.
      this.#problems = await keepFirewall(name, this.#port);
      await this.#synchronise(order);
      await address(name, order);
      await forward(name);
      await this.#echo.listen(order.address);
      const through = throughOf(order);
      const moved = new Set([...this.#through].flatMap(([to, by]) => (through.get(to) === by ? [] : to)));
      this.#through = through;
      for (const [to, bytes] of this.#fits) if (!moved.has(to)) await setFit(name, order.address, to, bytes);
      this.#echo.measure(order.measured, order.mtu, { fits: this.#fits, moved });
      this.#applied = order.digest;
    } catch (error) {
      this.#problems = [`the mesh cannot be set up: ${reasonOf(error)}`];
      this.#deps.logger.error({ reason: reasonOf(error) }, 'mesh: the node cannot be set up');
    }
  }

  /** Lets packets to an address have the size that arrives, or the full one again. Never rejects. */
  async #fit(to: string, bytes: number | undefined): Promise<void> {
    const { name, order } = this.#state;
    if (bytes === undefined) this.#fits.delete(to);
    else this.#fits.set(to, bytes);
    if (this.#isClosed || !order) return;
    try {
      await setFit(name, order.address, to, bytes);
      this.#deps.logger.info({ to, mtu: bytes ?? order.mtu }, 'mesh: packets of another size fit the way to a node');
    } catch (error) {
      this.#deps.logger.warn({ to, mtu: bytes, reason: reasonOf(error) }, 'mesh: the size of packets cannot be set');
    }
  }

  /** Puts back what others took away. Never rejects. */
  async #upkeep(): Promise<void> {
    if (this.#isClosed) return;
    const { name, order } = this.#state;
    try {
      const facts = await readFacts(name, this.#deps.clock.now()).catch(() => undefined);
      if (!facts) {
        this.#deps.logger.warn({ interface: name }, 'mesh: the interface is gone, and is made again');
        this.#applied = undefined;
        await this.#makeInterface();
      } else this.#listen(facts);
      if (!order) return;
      if (this.#applied === undefined) return await this.#try(order);
      this.#problems = await keepFirewall(name, this.#port);
      await forward(name);
    } catch (error) {
      this.#problems = [reasonOf(error)];
    }
  }

  /** Notes which peers said something since. */
  #listen({ peers }: WireGuardFacts): void {
    const nowMs = this.#deps.clock.elapsed();
    const known = new Set(peers.map(({ key }) => key));
    for (const key of this.#heard.keys()) if (!known.has(key)) this.#heard.delete(key);
    for (const { key, receivedBytes: bytes, handshakeS } of peers) {
      const before = this.#heard.get(key);
      // What came before this agent was started may be long ago.
      const isNews = before ? before.bytes !== bytes : handshakeS !== undefined && handshakeS <= NEWS_S;
      if (!before || isNews) this.#heard.set(key, { bytes, atMs: isNews ? nowMs : undefined });
    }
  }

  async #hostFacts(): Promise<HostFacts> {
    const nowMs = this.#deps.clock.elapsed();
    if (!this.#host || nowMs - this.#host.atMs >= HOST_MS)
      this.#host = { facts: await readHostFacts(this.#state.name), atMs: nowMs };
    return this.#host.facts;
  }

  async #report(): Promise<MeshReport> {
    const { name } = this.#state;
    const nowMs = this.#deps.clock.now();
    const facts = await readFacts(name, nowMs);
    this.#listen(facts);
    const peers = facts.peers.map(({ receivedBytes: _, ...peer }): PeerReport => {
      const atMs = this.#heard.get(peer.key)?.atMs;
      return atMs === undefined ? peer : { ...peer, heardS: Math.round((this.#deps.clock.elapsed() - atMs) / 1000) };
    });
    return {
      key: facts.key,
      port: this.#port,
      kind: this.#kind,
      interface: name,
      public: this.#options.public,
      ...(await this.#hostFacts()),
      applied: this.#applied,
      peers,
      ways: this.#echo.report(),
      problems: this.#problems,
      nowMs,
    };
  }
}

/** Through which peer, and where that is, each address is reached. */
function throughOf({ peers }: MeshOrder): ReadonlyMap<string, string> {
  return new Map(peers.flatMap(({ key, endpoint, allowed }) => allowed.map((to) => [to, `${key} ${endpoint ?? ''}`])));
}
