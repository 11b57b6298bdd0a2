import { isIP } from 'node:net';
import { join } from 'node:path';
import type { Command } from 'commander';
import type { Answers } from '../../agent/answers.ts';
import { NodeMesh, type NodeMeshOptions } from '../../agent/mesh/node-mesh.ts';
import type { Clock } from '../../common/clock.ts';
import { UsageError } from '../../common/errors.ts';
import { MESH_PORT } from '../../common/kept-ports.ts';
import type { Logger } from '../../common/logger.ts';
import { printable } from '../../common/printable.ts';
import { MESH_PATH } from '../../mesh/protocol.ts';
import { isEndpoint } from '../../mesh/read.ts';

/** Flags of an agent that takes its node into the mesh. */
export interface MeshFlags {
  readonly mesh?: readonly string[];
  readonly meshPublic?: string;
  readonly meshPort?: string;
  readonly meshState?: string;
}

const DEFAULT_FOLDER: string = join('/var/lib', 'enxame', 'mesh');

export const MESH_HELP = `
With --mesh the agent dials as with --dial, and takes the node into the cluster's encrypted network: WireGuard between all its nodes, also where
they are behind NAT. It needs wireguard-tools, and wireguard-go unless the kernel has WireGuard. At least one node should be public: its UDP port
reached from everywhere. The node's key is made on it and stays on it.
  $ enxame join --mesh 198.51.100.9:3376 --tlscacert ca.pem --tlscert cert.pem --tlskey key.pem                                    # behind NAT
  $ enxame join --mesh 198.51.100.9:3376 --mesh-public 203.0.113.7:51820 --tlscacert ca.pem --tlscert cert.pem --tlskey key.pem    # public`;

export function addMeshFlags(command: Command): Command {
  return command
    .option(
      '--mesh <manager>',
      'manager to dial, host:port, for a node in the mesh; repeated for each of several managers',
      gather,
    )
    .option(
      '--mesh-public <address>',
      "with --mesh: where all others reach this node's UDP port, IP:port; or a port alone, at the address that the manager sees the agent at",
    )
    .option(
      '--mesh-port <port>',
      `with --mesh: UDP port of WireGuard on this host (default: ${MESH_PORT}, or the next that is free)`,
    )
    .option('--mesh-state <folder>', `with --mesh: folder of the node's key (default: ${DEFAULT_FOLDER})`);
}

/** The node's end of the mesh, and what the manager may ask of it. Close it. */
export interface OpenedMesh {
  readonly answers: Answers;
  /** UDP port of WireGuard on this host. */
  readonly port: number;
  close(): Promise<void>;
}

/** Undefined when it is not asked for. Throws a {@link UsageError} for flags that make no sense, and rejects when this host cannot be in a mesh. */
export async function openMesh(
  flags: MeshFlags,
  deps: { readonly clock: Clock; readonly logger: Logger },
): Promise<OpenedMesh | undefined> {
  const options = meshOptions(flags);
  if (!options) return undefined;
  const node = await NodeMesh.open(deps, options);
  return {
    answers: new Map([[MESH_PATH, (question: unknown): Promise<unknown> => node.answer(question)]]),
    port: node.port,
    close: () => node.close(),
  };
}

/** What the flags say; undefined without a mesh. Throws a {@link UsageError} for flags that make no sense. */
export function meshOptions(flags: MeshFlags): NodeMeshOptions | undefined {
  const { mesh: managers, meshPublic, meshPort, meshState } = flags;
  if (managers === undefined) {
    if ([meshPublic, meshPort, meshState].some((flag) => flag !== undefined))
      throw new UsageError('--mesh-… flags are about a node in the mesh: give --mesh MANAGER, too');
    return undefined;
  }
  const reached = meshPublic === undefined ? undefined : publicEndpoint(meshPublic);
  const given = meshPort === undefined ? undefined : portOf(meshPort, '--mesh-port');
  const told = reached === undefined ? undefined : Number(reached.slice(reached.lastIndexOf(':') + 1));
  return {
    folder: meshState ?? DEFAULT_FOLDER,
    port: given ?? told ?? MESH_PORT,
    isPortFixed: given !== undefined || told !== undefined,
    public: reached,
  };
}

function publicEndpoint(text: string): string {
  if (isEndpoint(text)) return text;
  if (/^\d+$/.test(text)) return `:${portOf(text, '--mesh-public')}`;
  const hint = isIP(text) === 0 ? '' : `; ${text} lacks its port`;
  throw new UsageError(`--mesh-public should be IP:port or a port, not "${printable(text)}"${hint}`);
}

function portOf(text: string, flag: string): number {
  const port = Number(text);
  if (/^\d{1,5}$/.test(text) && port >= 1 && port <= 65_535) return port;
  throw new UsageError(`${flag} should be a UDP port from 1 to 65535, not "${printable(text)}"`);
}

function gather(text: string, before: readonly string[] = []): readonly string[] {
  return [...before, text];
}
