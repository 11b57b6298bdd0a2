import type { DiskUsage } from '../types.ts';
import { maybeFlag, maybeText, maybeWhole, texts } from './common.ts';
import { container } from './containers.ts';
import { image } from './images.ts';
import { list, object, optional, type Shape } from './shape.ts';
import { volume } from './volumes.ts';

const buildCache = object({
  ID: maybeText,
  Parent: maybeText,
  Parents: texts,
  Type: maybeText,
  Description: maybeText,
  InUse: maybeFlag,
  Shared: maybeFlag,
  Size: maybeWhole,
  CreatedAt: maybeText,
  LastUsedAt: maybeText,
  UsageCount: maybeWhole,
});

export const usage: Shape<DiskUsage> = object({
  LayersSize: maybeWhole,
  Images: optional(list(image)),
  Containers: optional(list(container)),
  Volumes: optional(list(volume)),
  BuildCache: optional(list(buildCache)),
}) as Shape<DiskUsage>;

/** Of containers, build cache, volumes or networks. */
export interface PruneReport {
  readonly ContainersDeleted?: readonly string[] | null;
  readonly CachesDeleted?: readonly string[] | null;
  readonly VolumesDeleted?: readonly string[] | null;
  readonly NetworksDeleted?: readonly string[] | null;
  readonly SpaceReclaimed?: number | null;
}

/** What a prune of containers, build cache, volumes or networks reports: names under one member, and the space. */
export const pruneReport: Shape<PruneReport> = object({
  ContainersDeleted: texts,
  CachesDeleted: texts,
  VolumesDeleted: texts,
  NetworksDeleted: texts,
  SpaceReclaimed: maybeWhole,
}) as Shape<PruneReport>;
