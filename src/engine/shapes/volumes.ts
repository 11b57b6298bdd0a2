import type { VolumeSummary } from '../types.ts';
import { labels, maybeText, maybeWhole, texts } from './common.ts';
import { anything, list, object, optional, record, type Shape, text } from './shape.ts';

export const volume: Shape<VolumeSummary> = object({
  Name: text(),
  Driver: text(),
  Scope: maybeText,
  CreatedAt: maybeText,
  Mountpoint: maybeText,
  Status: optional(record(anything)),
  Labels: labels,
  Options: optional(record(text())),
  UsageData: optional(object({ Size: maybeWhole, RefCount: maybeWhole })),
  ClusterVolume: optional(object({})),
}) as Shape<VolumeSummary>;

/** `GET /volumes`. */
export interface VolumeList {
  readonly Volumes?: readonly VolumeSummary[] | null;
}

export const volumeList: Shape<VolumeList> = object({
  Volumes: optional(list(volume)),
  Warnings: texts,
}) as Shape<VolumeList>;
