import { DiscoveryError } from '../common/errors.ts';

/** Most entries one text may expand to. */
export const MAX_RANGE_ENTRIES = 65_536;

const RANGE = /\[(\d+):(\d+)\]/;
// What a person meant as a range but wrote wrongly: brackets around letters, one number, too many colons. An IPv6 address
// in brackets is told apart by being one (two colons at least, hexadecimal only).
const BRACKETS = /\[([^\]]*)(\]?)/g;
const IPV6_LIKE = /^(?=.*:.*:)[0-9a-f:.]+(%[\w.-]+)?$/i;

/**
 * Expands `10.0.0.[10:200]:2375` into its members in order. Several ranges multiply; leading zeros are kept (`node[08:10]`).
 * Text without a range comes back alone. Throws a {@link DiscoveryError} on a malformed range or more than
 * {@link MAX_RANGE_ENTRIES} members.
 */
export function expandRanges(text: string): readonly string[] {
  let members: readonly string[] = [text];
  while (members[0] !== undefined && RANGE.test(members[0])) {
    members = members.flatMap((member) => expandFirst(member, text, members.length));
  }
  for (const [, inside, closing] of (members[0] ?? '').matchAll(BRACKETS)) {
    if (closing === '') throw malformed(text, 'a bracket is not closed');
    if (!IPV6_LIKE.test(inside ?? '')) throw malformed(text, `[${inside}] is neither two numbers nor an IPv6 address`);
  }
  return members;
}

function expandFirst(member: string, whole: string, siblings: number): readonly string[] {
  const match = RANGE.exec(member);
  if (match === null) return [member];
  const [range, fromText = '', toText = ''] = match;
  const from = Number(fromText);
  const count = Number(toText) - from + 1;
  if (count < 1) throw malformed(whole, `${range} ends before it begins`);
  if (count * siblings > MAX_RANGE_ENTRIES) {
    throw malformed(whole, `it stands for more than ${MAX_RANGE_ENTRIES} entries`);
  }
  const width = fromText.startsWith('0') ? fromText.length : 0;
  const before = member.slice(0, match.index);
  const after = member.slice(match.index + range.length);
  return Array.from({ length: count }, (_, step) => `${before}${String(from + step).padStart(width, '0')}${after}`);
}

function malformed(text: string, why: string): DiscoveryError {
  return new DiscoveryError(`bad range in "${text}": ${why}. Write ranges like 10.0.0.[10:200]:2375`, 'BAD_RANGE');
}
