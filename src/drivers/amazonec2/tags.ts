import type { Filter, ResourceType, Tag, TagSpecification } from '@aws-sdk/client-ec2';
import { UsageError } from '../../common/errors.ts';
import type { DriverContext } from '../driver.ts';
import type { Ec2Options } from './options.ts';

/** Tags of everything made for a machine: ours, its name, and the person's. */
export function tagsOf({ name, tags, options }: DriverContext<Ec2Options>): Tag[] {
  const all = { Name: name, ...parseTags(options['amazonec2-tags']), ...tags };
  return Object.entries(all).map(([Key, Value]) => ({ Key, Value }));
}

/** The same for things that are tagged in the call that makes them. */
export function tagSpecifications(
  context: DriverContext<Ec2Options>,
  types: readonly ResourceType[],
): TagSpecification[] {
  const Tags = tagsOf(context);
  return types.map((ResourceType) => ({ ResourceType, Tags }));
}

/** Finds what carries the machine's tags. */
export function tagFilters({ tags }: DriverContext<Ec2Options>): Filter[] {
  return Object.entries(tags).map(([key, value]) => ({ Name: `tag:${key}`, Values: [value] }));
}

/** `key1,value1,key2,value2`. Throws a UsageError for a key without a value and for keys of AWS' own. */
export function parseTags(text: string | undefined): Readonly<Record<string, string>> {
  if (text === undefined || text.trim() === '') return {};
  const parts = text.split(',').map((part) => part.trim());
  if (parts.length % 2 !== 0)
    throw new UsageError(`--amazonec2-tags "${text}" is no list of keys and values: key1,value1,key2,value2`);
  const pairs = parts.flatMap((part, at) => (at % 2 === 0 ? [[part, parts[at + 1] ?? ''] as const] : []));
  const refused = pairs.find(([key]) => key === '' || key.startsWith('aws:'));
  if (refused !== undefined) throw new UsageError(`--amazonec2-tags: "${refused[0]}" cannot be a tag's key`);
  return Object.fromEntries(pairs);
}
