import { X509Certificate } from 'node:crypto';
import { networkInterfaces } from 'node:os';
import { reasonOf, UsageError } from '../common/errors.ts';
import type { Logger } from '../common/logger.ts';
import type { TlsMaterial } from '../common/tls-files.ts';
import { isMeshInterface } from './mesh/mesh-state.ts';
import { openPeerDoor, type PeerDoor } from './peers.ts';

/** In place of a host: the node's address in the mesh, as it is at the time. */
export const MESH_PEER = 'mesh';

/** Where other agents reach this one. Close it. */
export interface PeerPlace {
  /** What managers are told, and other agents by them, see `askPeers`; undefined while it is nowhere. */
  told(): Promise<string | undefined>;
  close(): Promise<void>;
}

export interface PeerPlaceDeps {
  readonly tls: TlsMaterial;
  /** Whether a manager is heard. */
  readonly hears: () => boolean;
  readonly logger: Logger;
  /** Replaced in tests. */
  readonly meshAddress?: () => string | undefined;
}

/** Reached at `host:port`; listens at all addresses, or at that of the mesh alone. Throws a {@link UsageError} when it cannot. */
export async function openPeerPlace(
  { host, port }: { readonly host: string; readonly port: number },
  deps: PeerPlaceDeps,
): Promise<PeerPlace> {
  if (host === MESH_PEER) return new MeshPlace(port, deps);
  try {
    const door = await openPeerDoor({ port }, deps.tls, deps.hears);
    const peer = host.includes(':') ? `[${host}]:${port}` : `${host}:${port}`;
    return { told: async () => peer, close: () => door.close() };
  } catch (error) {
    throw new UsageError(`--fence-peer: cannot listen on port ${port}: ${reasonOf(error)}`);
  }
}

/** Follows the node's address in the mesh, which comes from a manager and may become another one. */
class MeshPlace implements PeerPlace {
  readonly #port: number;
  readonly #deps: PeerPlaceDeps;
  readonly #name: string | undefined;
  #open: { readonly address: string; readonly door: PeerDoor } | undefined;
  /** Why there is none, when that was said. */
  #lack = '';

  constructor(port: number, deps: PeerPlaceDeps) {
    this.#port = port;
    this.#deps = deps;
    this.#name = nameIn(deps.tls);
  }

  async told(): Promise<string | undefined> {
    const address = (this.#deps.meshAddress ?? meshAddress)();
    if (this.#open?.address !== address) await this.#move(address);
    if (!this.#open) return undefined;
    const peer = `${this.#open.address}:${this.#port}`;
    return this.#name === undefined ? peer : `${this.#name}@${peer}`;
  }

  async close(): Promise<void> {
    await this.#open?.door.close();
    this.#open = undefined;
  }

  async #move(address: string | undefined): Promise<void> {
    await this.close();
    if (address === undefined) return this.#say('this node has no address in the mesh yet');
    try {
      const door = await openPeerDoor({ port: this.#port, host: address }, this.#deps.tls, this.#deps.hears);
      this.#open = { address, door };
      this.#lack = '';
    } catch (error) {
      this.#say(`cannot listen at ${address}, port ${this.#port}: ${reasonOf(error)}`);
    }
  }

  /** Each reason once. */
  #say(lack: string): void {
    if (lack !== this.#lack) this.#deps.logger.warn({ reason: lack }, 'other agents do not reach this one');
    this.#lack = lack;
  }
}

/** The name under which others know who answers at an address that the certificate does not hold for. Undefined without TLS. */
function nameIn({ cert }: TlsMaterial): string | undefined {
  if (cert === undefined) return undefined;
  const names = new X509Certificate(cert).subjectAltName?.matchAll(/DNS:([A-Za-z0-9._-]+)/g) ?? [];
  const name = [...names].map(([, each]) => each).find((each) => each !== 'localhost');
  if (name === undefined)
    throw new UsageError(
      `--fence-peer ${MESH_PEER}:PORT: --tlscert holds for no name beside localhost: other agents would not know who answers at an address of the mesh`,
    );
  return name;
}

/** The node's address in the mesh; undefined when it is in none, or not yet. */
function meshAddress(): string | undefined {
  for (const [name, addresses = []] of Object.entries(networkInterfaces()))
    if (isMeshInterface(name)) return addresses.find(({ family }) => family === 'IPv4')?.address;
  return undefined;
}
