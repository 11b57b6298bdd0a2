import { flag, list, name, type Optional, optional, record, type Shape, text, whole } from './shape.ts';

/** Members that many answers have. Go writes an empty list or map as `null`. */

export const maybeText: Optional<string> = optional(text());
export const maybeWhole: Optional<number> = optional(whole());
export const maybeFlag: Optional<boolean> = optional(flag);
export const texts: Optional<readonly string[]> = optional(list(text()));
export const labels: Optional<Readonly<Record<string, string>>> = optional(record(text()));
/** Seconds since 1970 that a date can have, before and after. */
const MAX_SECONDS = 8_640_000_000_000;
export const seconds: Shape<number> = whole(-MAX_SECONDS, MAX_SECONDS);
export const id: Shape<string> = name(256);
