import { askedOf } from '../cluster/network-names.ts';
import type { NetworkSummary } from '../engine/types.ts';
import type { NetworkReading } from './cluster-networks.ts';
import type { NetworkRecord, SubstrateAge } from './network-record.ts';

/** What is to be done so that records and substrate say the same. */
export type RestorationStep =
  /** The substrate has it: the record is to say so. */
  | { readonly kind: 'settle'; readonly record: NetworkRecord; readonly summary: NetworkSummary }
  /** Nothing is left of it. */
  | { readonly kind: 'forget'; readonly record: NetworkRecord; readonly why: string }
  /** A client wanted it gone. */
  | { readonly kind: 'remove'; readonly record: NetworkRecord; readonly summary: NetworkSummary }
  /** The substrate was formed anew without it. */
  | { readonly kind: 'make'; readonly record: NetworkRecord }
  /** It bears a key of ours that no record has. */
  | { readonly kind: 'adopt'; readonly key: string; readonly summary: NetworkSummary };

/**
 * Compares the records that nobody is working on with a complete reading of the substrate. A network without a key of ours is nobody's
 * business here. One that is missing from the very substrate in which it was seen was removed there by somebody, and is not made again.
 */
export function planRestoration(
  records: readonly NetworkRecord[],
  { networks, age }: NetworkReading,
  isKnown: (key: string) => boolean,
): readonly RestorationStep[] {
  const byKey = new Map<string, NetworkSummary>();
  for (const summary of networks.values()) {
    const key = askedOf(summary).Record;
    if (key !== undefined) byKey.set(key, summary);
  }
  const steps = records.flatMap((record) => stepFor(record, byKey.get(record.key), age) ?? []);
  const strays = [...byKey].filter(([key, { Driver }]) => !isKnown(key) && Driver !== '');
  return [...steps, ...strays.map(([key, summary]) => ({ kind: 'adopt', key, summary }) as const)];
}

function stepFor(
  record: NetworkRecord,
  listed: NetworkSummary | undefined,
  age: SubstrateAge,
): RestorationStep | undefined {
  const isSame = record.seenIn?.swarmId === age.swarmId && record.seenIn.epoch === age.epoch;
  switch (record.state) {
    case 'making':
      if (!listed) return { kind: 'forget', record, why: 'its create was interrupted before the substrate had it' };
      // Without addresses it is of no use to anybody, and nobody was told of it.
      return listed.Driver === ''
        ? { kind: 'remove', record, summary: listed }
        : { kind: 'settle', record, summary: listed };
    case 'removing':
      return listed
        ? { kind: 'remove', record, summary: listed }
        : { kind: 'forget', record, why: 'its removal is complete' };
    case 'made':
      if (!listed)
        return isSame
          ? { kind: 'forget', record, why: 'it was removed at an engine, not through this manager' }
          : { kind: 'make', record };
      return isSame && record.summary?.Id === listed.Id ? undefined : { kind: 'settle', record, summary: listed };
  }
}
