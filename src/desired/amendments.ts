import { forEachMember, memberText, setMember } from '../common/json-edit.ts';
import type { Amendment } from './record.ts';

/** What engines read as "leave it as it is" in an update. */
const UNCHANGED: readonly string[] = ['null', '0', '""', 'false', '[]', '{}'];

/**
 * The amendments with one more, which may take the place of earlier ones: they stay as few as there are networks, and one update,
 * however often a client makes them.
 */
export function amended(amendments: readonly Amendment[], next: Amendment): readonly Amendment[] {
  if (next.kind !== 'update') return [...amendments.filter((each) => !isOutdated(each, next)), next];
  const update = amendments.find((each) => each.kind === 'update');
  if (!update) return [...amendments, next];
  const merged = { ...next, body: merge(update.body, next.body) };
  return amendments.map((each) => (each === update ? merged : each));
}

function isOutdated(each: Amendment, next: Exclude<Amendment, { readonly kind: 'update' }>): boolean {
  if (each.kind === 'update') return false;
  if (each.kind === 'fence' || next.kind === 'fence') return each.kind === next.kind;
  return each.network === next.network;
}

/** Members as text: they may be larger numbers than can be read. */
function merge(earlier: string, later: string): string {
  let merged = earlier;
  forEachMember(later, (name, start, end) => {
    const value = later.slice(start, end);
    const isSaid = name === 'RestartPolicy' ? isSet(memberText(value, ['Name'])) : isSet(value) || name === 'PidsLimit';
    if (isSaid) merged = setMember(merged, [name], value);
  });
  return merged;
}

function isSet(value: string | undefined): boolean {
  return value !== undefined && !UNCHANGED.includes(value);
}
