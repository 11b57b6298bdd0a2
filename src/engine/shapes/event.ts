import type { EngineEvent } from '../types.ts';
import { maybeText, maybeWhole } from './common.ts';
import { object, optional, record, type Shape, text, whole } from './shape.ts';

export const event: Shape<EngineEvent> = object({
  Type: text(),
  Action: text(),
  Actor: object({ ID: text(), Attributes: optional(record(text())) }),
  scope: maybeText,
  status: maybeText,
  id: maybeText,
  from: maybeText,
  time: maybeWhole,
  // Beyond 2^53: what JSON.parse makes of it is near enough to tell that it is a number.
  timeNano: optional(whole(-(2 ** 63), 2 ** 63)),
}) as Shape<EngineEvent>;
