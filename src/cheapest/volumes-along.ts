import type { PlannedCopy } from '../availability/plan.ts';
import type { Container } from '../cluster/container.ts';
import type { ContainerSpec } from '../desired/container-spec.ts';
import type { ContainerVolumes } from '../lifecycle/deps.ts';
import { usersOf } from '../lifecycle/moving-mounts.ts';

/** Engines give a volume without a name 64 hexadecimal digits. */
const GIVEN_NAME = /^[0-9a-f]{64}$/;

/** What of a container's volumes goes with it, or why one cannot. */
export type VolumesAlong = { readonly copies: readonly PlannedCopy[] } | { readonly why: string };

export function volumesAlong(
  volumes: Pick<ContainerVolumes, 'moves' | 'homeOf'>,
  container: Container,
  spec: ContainerSpec,
): VolumesAlong {
  const { moves } = volumes;
  const copies: PlannedCopy[] = [];
  for (const { Type, Name } of container.entry().Mounts ?? []) {
    if (Type !== 'volume' || !Name) continue;
    const isAnonymous = GIVEN_NAME.test(Name) && !spec.volumes.includes(Name);
    const summary = moves.summaryOf(Name, container.node);
    if (summary?.Scope === 'global') continue;
    const carriage = moves.carriageOf(Name, container.node);
    if (!carriage) return { why: `volume "${Name}" is not listed by its node` };
    if (carriage.kind === 'bound') return { why: `volume "${Name}" does not come along: ${carriage.why}` };
    const other = usersOf(container.node, Name).find(({ id }) => id !== container.id);
    if (other) return { why: `volume "${Name}" does not come along: container ${other.name} uses it, too` };
    if (!isAnonymous && volumes.homeOf(Name) !== container.node)
      return { why: `volume "${Name}" has its home elsewhere` };
    if (carriage.kind === 'copy') copies.push({ volume: Name, ...(isAnonymous && { isAnonymous }) });
  }
  return { copies };
}
