import { X509Certificate } from 'node:crypto';
import { isIP } from 'node:net';
import type { Command } from 'commander';
import type { Answers } from '../../agent/answers.ts';
import { dialOut } from '../../agent/dial-out.ts';
import { NodePorts } from '../../agent/node-ports.ts';
import { NodeSocket } from '../../agent/node-socket.ts';
import { PublishedPorts } from '../../agent/published-ports.ts';
import { UsageError } from '../../common/errors.ts';
import type { Logger } from '../../common/logger.ts';
import { AGENT_PROTOCOL } from '../../common/node-certificate.ts';
import { printable } from '../../common/printable.ts';
import { readTlsFiles, type TlsMaterial } from '../../common/tls-files.ts';
import { CLUSTER_SOCKET } from '../../desired/cluster-socket.ts';
import { type Entry, parseEntry } from '../../discovery/entry.ts';
import { EngineClient } from '../../engine/client.ts';
import { tlsConnector, unixConnector } from '../../engine/connectors/socket.ts';
import { hostAndPort, socketOf } from '../agent-addresses.ts';

/** Flags of an agent that dials managers. */
export interface DialFlags {
  readonly dial?: readonly string[];
  readonly dialEngine?: string;
  readonly publishAddress?: string;
  readonly tlscacert?: string;
  readonly tlscert?: string;
  readonly tlskey?: string;
}

/** The node's end of the mesh, as far as the managers ask for it. */
interface InMesh {
  readonly answers: Answers;
  /** UDP port of WireGuard on this host. */
  readonly port: number;
}

const DEFAULT_ENGINE = 'unix:///var/run/docker.sock';
const MOST_MANAGERS = 16;

export const DIAL_HELP: string = `
With --dial the manager reaches the engine over a connection that the agent opens, so that this host needs no open port: it may be behind NAT, or a
firewall that lets only connections out. The certificate is the host's own, as 'enxame certs server bee-1 bee-1' makes it, and its first name the
node's entry, agent://bee-1. Without a discovery argument nothing is registered: the manager's own list has to name it.
  $ enxame join --dial 198.51.100.9:3376 --tlscacert ca.pem --tlscert cert.pem --tlskey key.pem token://TOKEN`;

export function addDialFlags(command: Command): Command {
  return command
    .option('--dial <manager>', 'manager to dial, host:port; repeated for each of several managers', gather)
    .option('--dial-engine <address>', `with --dial: socket of this host's engine (default: ${DEFAULT_ENGINE})`)
    .option(
      '--publish-address <ip>',
      'with --dial: address of this host that a manager with --publish-at everywhere opens ports at (default: all)',
    );
}

/** An agent that dials, not begun. */
export interface DialAgent {
  /** The engine as discovery lists it. */
  readonly entry: Entry;
  /** Until `stop` is aborted; managers may ask of the agent what `answers` has. Never rejects. */
  run(stop: AbortSignal, mesh?: InMesh): Promise<void>;
}

/**
 * What dials, undefined when that is not asked for. `advertised` is the engine's entry when flags say it. Throws a {@link UsageError} for flags that
 * make no sense.
 */
export async function openDial(
  flags: DialFlags,
  advertised: Entry | undefined,
  logger: Logger,
): Promise<DialAgent | undefined> {
  const { dial: managers, dialEngine, publishAddress } = flags;
  if (managers === undefined) {
    if (dialEngine !== undefined)
      throw new UsageError('--dial-engine is about an agent that dials: give --dial MANAGER, too');
    if (publishAddress !== undefined)
      throw new UsageError('--publish-address is about an agent that dials: give --dial MANAGER, too');
    return undefined;
  }
  if (publishAddress !== undefined && isIP(publishAddress) === 0)
    throw new UsageError(
      `--publish-address should be an IP address of this host, such as 0.0.0.0 for all of them, not "${printable(publishAddress)}"`,
    );
  if (managers.length > MOST_MANAGERS) throw new UsageError(`--dial may be given ${MOST_MANAGERS} times at most`);
  const places = [...new Set(managers)].map((manager) => hostAndPort(manager, '--dial'));
  const engineSocket = socketOf(dialEngine ?? DEFAULT_ENGINE, '--dial-engine');
  const material = await readTlsFiles({ ca: flags.tlscacert, cert: flags.tlscert, key: flags.tlskey });
  const { ca, cert, key } = material;
  if (!ca || !cert || !key)
    throw new UsageError(
      "an agent that dials (--dial, --mesh) needs --tlscacert, --tlscert and --tlskey: the managers' authority, and this host's certificate with its key ('enxame certs' makes them)",
    );
  if (advertised && advertised.scheme !== 'agent')
    throw new UsageError(`with --dial an engine is advertised as agent://NAME, not "${advertised.canonical}"`);
  const entry = advertised ?? parseEntry(`agent://${nameIn(material)}`);
  const id = entry.scheme === 'agent' ? entry.host : '';
  return {
    entry,
    async run(stop, mesh) {
      const tls = { ca, cert, key, verify: true, protocols: [AGENT_PROTOCOL, 'http/1.1'] };
      const clients = places.map(
        ({ host, port }) => new EngineClient(tlsConnector(host, port, tls), { connections: 1 }),
      );
      const engine = new EngineClient(unixConnector(engineSocket), { connections: 1 });
      const published = new PublishedPorts(engine);
      const ports = new NodePorts(
        { published, socket: new NodeSocket(CLUSTER_SOCKET), meshPort: mesh?.port },
        publishAddress,
      );
      await Promise.all(
        clients.map((manager) =>
          dialOut({ manager, logger }, { id, engineSocket, answers: mesh?.answers, ports }, stop),
        ),
      );
      ports.close();
      published.close();
      await Promise.all([engine, ...clients].map((client) => client.close()));
    },
  };
}

/** The name that a certificate is for. */
function nameIn({ cert }: TlsMaterial): string {
  const certificate = new X509Certificate(cert ?? '');
  const names = (certificate.subjectAltName ?? '')
    .split(', ')
    .flatMap((each) => /^(?:DNS|IP Address):(.+)$/.exec(each)?.[1] ?? []);
  const name = names.find((each) => !/^(localhost|127\.|::1|0:0:0:0:0:0:0:1)/.test(each));
  if (name !== undefined && !name.includes('*')) return name.includes(':') ? `[${name}]` : name;
  throw new UsageError(
    `--tlscert is for no host${names.length > 0 ? ` but ${printable(names.join(', '))}` : ''}: use the certificate of this host, or give its name with --advertise agent://NAME`,
  );
}

function gather(text: string, before: readonly string[] = []): readonly string[] {
  return [...before, text];
}
