import { UsageError } from '../../common/errors.ts';
import type { DriverContext } from '../driver.ts';
import type { AzureOptions } from './options.ts';

type Context = DriverContext<AzureOptions>;

/** Names of a machine's parts; they hold its identifier, so that making one again makes the same one. */
export interface Names {
  readonly group: string;
  /** Whether the group is the machine's own, with everything in it. */
  readonly isOwnGroup: boolean;
  readonly vm: string;
  readonly securityGroup: string;
  readonly network: string;
  readonly address: string;
  readonly nic: string;
  readonly disk: string;
}

export function namesOf({ name, id, options }: Context): Names {
  // Azure: at most 64 letters, digits, dots and dashes for a virtual machine.
  const base = `enxame-${name.replace(/\./g, '-').slice(0, 36)}-${id}`;
  const given = options['azure-resource-group'];
  return {
    group: given ?? base,
    isOwnGroup: given === undefined,
    vm: base,
    securityGroup: `${base}-nsg`,
    network: `${base}-vnet`,
    address: `${base}-ip`,
    nic: `${base}-nic`,
    disk: `${base}-disk`,
  };
}

/** Tags of everything made. Throws a UsageError for a tag that is no `key=value`. */
export function tagsOf({ tags, options }: Context): Record<string, string> {
  const given = options['azure-tags'].map((text) => {
    const at = text.indexOf('=');
    if (at < 1) throw new UsageError(`--azure-tags "${text}" is no tag like key=value`);
    return [text.slice(0, at), text.slice(at + 1)] as const;
  });
  return { ...Object.fromEntries(given), ...tags };
}

/** ARM's identifier of something in a group. */
export function armId({ options }: Context, group: string, provider: string, type: string, name: string): string {
  const subscription = options['azure-subscription-id'];
  return `/subscriptions/${subscription}/resourceGroups/${group}/providers/${provider}/${type}/${name}`;
}
