import type { ImageSummary } from '../types.ts';
import { id, labels, maybeFlag, maybeText, maybeWhole, seconds, texts } from './common.ts';
import { descriptor } from './descriptor.ts';
import { list, object, optional, type Shape, whole } from './shape.ts';

export const image: Shape<ImageSummary> = object({
  Id: id,
  ParentId: maybeText,
  RepoTags: texts,
  RepoDigests: texts,
  Created: seconds,
  Size: whole(),
  SharedSize: maybeWhole,
  VirtualSize: maybeWhole,
  Labels: labels,
  Containers: maybeWhole,
  Descriptor: optional(descriptor),
  Manifests: optional(
    list(
      object({
        ID: maybeText,
        Descriptor: optional(descriptor),
        Available: maybeFlag,
        Kind: maybeText,
        Size: optional(object({ Total: maybeWhole, Content: maybeWhole })),
        ImageData: optional(
          object({
            Platform: optional(object({})),
            Identity: optional(object({})),
            Containers: texts,
            Size: optional(object({ Unpacked: maybeWhole })),
          }),
        ),
        AttestationData: optional(object({ For: maybeText })),
      }),
    ),
  ),
}) as Shape<ImageSummary>;

/** What was untagged and deleted, and the bytes that are free now. */
export interface ImageReport {
  readonly ImagesDeleted?: readonly object[] | null;
  readonly SpaceReclaimed?: number | null;
}

export const imageReport: Shape<ImageReport> = object({
  ImagesDeleted: optional(list(object({ Untagged: maybeText, Deleted: maybeText }))),
  SpaceReclaimed: maybeWhole,
}) as Shape<ImageReport>;
