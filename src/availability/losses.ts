import type { ContainerSpec } from '../desired/container-spec.ts';
import type { MoveTerms } from '../desired/move-terms.ts';

interface VolumesBody {
  readonly Volumes?: Readonly<Record<string, unknown>> | null;
  readonly HostConfig?: { readonly Mounts?: unknown } | null;
}

/** What does not come along when a container is made anew elsewhere, in words. Volumes that only the image names are not known here. */
export function lossesOf({ body, volumes }: ContainerSpec, { discardsData }: MoveTerms): readonly string[] {
  const { Volumes, HostConfig } = body as VolumesBody;
  const mounts = Array.isArray(HostConfig?.Mounts) ? (HostConfig.Mounts as readonly unknown[]) : [];
  const unnamed = mounts.flatMap((mount) => {
    const { Type, Source, Target } = (mount ?? {}) as {
      readonly Type?: unknown;
      readonly Source?: unknown;
      readonly Target?: unknown;
    };
    return Type === 'volume' && !Source ? [String(Target)] : [];
  });
  const anonymous = [...Object.keys(Volumes ?? {}), ...unnamed].map((path) => `anonymous volume ${path}`);
  const discarded = discardsData ? volumes.map((name) => `data of volume "${name}"`) : [];
  return ['writable layer', ...anonymous, ...discarded];
}
