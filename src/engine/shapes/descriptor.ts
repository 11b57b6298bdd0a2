import { maybeText, maybeWhole, texts } from './common.ts';
import { object, optional, record, type Shape, text } from './shape.ts';

/** An OCI descriptor. */
export const descriptor: Shape<object> = object({
  mediaType: maybeText,
  digest: maybeText,
  size: maybeWhole,
  urls: texts,
  annotations: optional(record(text())),
  data: maybeText,
  artifactType: maybeText,
  platform: optional(
    object({
      architecture: maybeText,
      os: maybeText,
      variant: maybeText,
      'os.version': maybeText,
      'os.features': texts,
    }),
  ),
});
