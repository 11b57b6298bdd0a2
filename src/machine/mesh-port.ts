import { MESH_PORT } from '../common/kept-ports.ts';
import { isEndpoint } from '../mesh/read.ts';
import type { MachineRecord } from './record.ts';

/** Drivers whose machines may be behind NAT: managers find out by themselves, or `--mesh-public` says. Machines of all others are public. */
const MAYBE_BEHIND_NAT: ReadonlySet<string> = new Set(['generic', 'local', 'none', 'qemu', 'virtualbox']);

type Known = Pick<MachineRecord, 'driver' | 'swarm'>;

/** Where all others reach the machine's UDP port in the mesh, as `enxame join --mesh-public` has it; undefined: the managers find out. */
export function meshPublic({ driver, swarm }: Known): string | undefined {
  if (swarm?.meshPublic !== undefined) return swarm.meshPublic;
  return MAYBE_BEHIND_NAT.has(driver) ? undefined : String(meshPort({ swarm }));
}

/** UDP port of WireGuard on the machine. */
export function meshPort({ swarm }: Pick<MachineRecord, 'swarm'>): number {
  return ownPort({ swarm }) ?? portIn(swarm?.meshPublic) ?? MESH_PORT;
}

/** Whether `enxame join --mesh-public` on the machine takes it. */
export function isMeshPublic(text: string): boolean {
  const port = portIn(text) ?? 0;
  return isEndpoint(text) || (/^\d+$/.test(text) && port >= 1 && port <= 65_535);
}

/** What `--swarm-join-opt mesh-port=…` says. */
function ownPort({ swarm }: Pick<MachineRecord, 'swarm'>): number | undefined {
  const said = (swarm?.joinOptions ?? []).flatMap((option) => /^(?:--)?mesh-port=(\d+)$/.exec(option)?.[1] ?? []);
  return portIn(said.at(-1));
}

function portIn(text: string | undefined): number | undefined {
  const port = /(?:^|:)(\d{1,5})$/.exec(text ?? '')?.[1];
  return port === undefined ? undefined : Number(port);
}
