import net from 'node:net';
import { type ConnectionOptions, connect as tlsConnect } from 'node:tls';
import type { RouteHandlers, Services } from '../../src/api/call.ts';
import { ExecRegistry } from '../../src/api/exec-registry.ts';
import { HANDLERS } from '../../src/api/handlers.ts';
import type { Limits } from '../../src/api/limits.ts';
import { type ApiServer, type ServerTls, startApiServer } from '../../src/api/server.ts';
import { NotFoundError } from '../../src/common/errors.ts';
import { parseListenAddress } from '../../src/common/listen-address.ts';
import { type Logger, silentLogger } from '../../src/common/logger.ts';
import { EngineClient } from '../../src/engine/client.ts';
import type { Connector } from '../../src/engine/connectors/connector.ts';

/** A container ID of 64 hex digits from one digit. */
export function idOf(digit: string): string {
  return digit.repeat(64);
}

export interface ApiFixtureOptions {
  readonly connectors: readonly Connector[];
  readonly tls?: ServerTls | undefined;
  readonly limits?: Partial<Limits>;
  readonly allowHosts?: readonly string[];
  /** Default: nothing is logged. */
  readonly logger?: Logger;
  readonly handlers?: RouteHandlers;
  /** Identity that clients see of containers whose engine ID is the key. */
  readonly identities?: Readonly<Record<string, string>>;
  /** What handlers find instead of what the fixture has. */
  readonly services?: object;
  /** Default: any port of the loopback address. */
  readonly listen?: readonly string[];
  /** Default: the only manager. */
  readonly toPrimary?: Services['toPrimary'];
}

/**
 * The API server over engines that tests control, without monitors: any reference means a container on the first node
 * whose engine ID is the reference; `missing` does not exist; `elsewhere/…` is on the second node.
 */
export class ApiFixture implements AsyncDisposable {
  readonly server: ApiServer;
  readonly port: number;
  readonly execs: ExecRegistry;
  readonly nodes: readonly FixtureNode[];
  readonly #tls: boolean;

  private constructor(server: ApiServer, nodes: readonly FixtureNode[], execs: ExecRegistry, tls: boolean) {
    this.server = server;
    this.nodes = nodes;
    this.execs = execs;
    const tcp = server.addresses.find((address) => address.kind === 'tcp');
    this.port = tcp?.kind === 'tcp' ? tcp.port : 0;
    this.#tls = tls;
  }

  static async start(options: ApiFixtureOptions): Promise<ApiFixture> {
    const nodes = options.connectors.map((connector, i) => fixtureNode(connector, i));
    const execs = new ExecRegistry();
    const services = {
      cluster: {
        nodes,
        healthyNodes: () => nodes.filter((node) => node.isHealthy),
        node: (id: string) => nodes.find((node) => node.id === id),
        container: (reference: string) => fixtureContainer(reference, nodes, options.identities ?? {}),
        findContainer: (reference: string) =>
          reference === 'missing' ? undefined : fixtureContainer(reference, nodes, options.identities ?? {}),
      },
      lifecycle: {
        use: async (container: unknown) => container,
        settled: async (container: unknown) => container,
        recorder: { recordOf: () => undefined },
      },
      sequels: { mayHave: () => false, after: async () => ({ kind: 'over' }) },
      execs,
      toPrimary: options.toPrimary,
      logger: silentLogger(),
      advertisedApi: () => '1.51',
      ...options.services,
    } as unknown as Services;
    const server = await startApiServer({
      listeners: (options.listen ?? ['tcp://127.0.0.1:0']).map(parseListenAddress),
      tls: options.tls,
      services,
      handlers: options.handlers ?? HANDLERS,
      limits: options.limits ?? {},
      allowHosts: options.allowHosts,
      logger: options.logger ?? silentLogger(),
      version: '0.0.0-test',
    });
    return new ApiFixture(server, nodes, execs, options.tls !== undefined);
  }

  /** A raw, half-open connection to the server. */
  connect(tls: ConnectionOptions = {}): Promise<net.Socket> {
    return new Promise((resolve, reject) => {
      const options = { host: '127.0.0.1', port: this.port, allowHalfOpen: true };
      const socket = this.#tls ? tlsConnect({ ...options, ...tls }) : net.connect(options);
      socket.once('error', reject);
      socket.once(this.#tls ? 'secureConnect' : 'connect', () => {
        socket.off('error', reject);
        socket.on('error', () => socket.destroy());
        resolve(socket);
      });
    });
  }

  get url(): string {
    return `http://127.0.0.1:${this.port}`;
  }

  async close(): Promise<void> {
    await this.server.close({ graceMs: 200 });
    await Promise.all(this.nodes.map((node) => node.client.close()));
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.close();
  }
}

export interface FixtureNode {
  readonly id: string;
  readonly name: string;
  readonly client: EngineClient;
  isHealthy: boolean;
  readonly state: string;
  readonly reason: string;
  readonly containers: ReadonlyMap<string, unknown>;
  refreshStopped(): Promise<void>;
  waitingReason(): string | undefined;
}

function fixtureNode(connector: Connector, index: number): FixtureNode {
  return {
    id: `node-id-${index}`,
    name: `node-${index}`,
    refreshStopped: () => Promise.reject(new Error('no monitor')),
    waitingReason: () => undefined,
    client: new EngineClient(connector),
    isHealthy: true,
    state: 'Unhealthy',
    reason: 'no answer for 10s',
    containers: new Map(),
  };
}

function fixtureContainer(
  reference: string,
  nodes: readonly FixtureNode[],
  identities: Readonly<Record<string, string>>,
): unknown {
  if (reference === 'missing') throw new NotFoundError('No such container: missing');
  const engineId = reference.replace(/^elsewhere\//, '');
  return {
    id: identities[engineId] ?? engineId,
    engineId,
    name: engineId,
    node: nodes[reference === engineId ? 0 : 1],
  };
}
