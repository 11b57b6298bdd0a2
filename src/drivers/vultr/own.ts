import type { RestClient } from '../cloud/rest.ts';
import type { DriverContext } from '../driver.ts';
import { type FirewallGroup, type Instance, pages, type SshKey } from './api.ts';
import type { VultrOptions } from './options.ts';

type Context = DriverContext<VultrOptions>;

/** Tags are texts; ours are `key=value`. */
export function tagsOf({ tags, options }: Context): readonly string[] {
  return [...Object.entries(tags).map(([key, value]) => `${key}=${value}`), ...options['vultr-tags']];
}

/** Name of what cannot carry tags; no other machine has it. */
export function ownName({ name, id }: Context): string {
  return `enxame-${name}-${id}`;
}

/** Identifiers of instances that carry the machine's tag. */
export async function ownInstances({ id }: Context, api: RestClient, signal: AbortSignal): Promise<string[]> {
  const tag = `enxame-id=${id}`;
  const found = await pages<Instance>(api, `/instances?tag=${encodeURIComponent(tag)}`, 'instances', signal);
  return found.filter(({ tags }) => tags.includes(tag)).map((each) => each.id);
}

/** Identifiers of firewall groups of the machine's name. */
export async function ownFirewalls(context: Context, api: RestClient, signal: AbortSignal): Promise<string[]> {
  const groups = await pages<FirewallGroup>(api, '/firewalls', 'firewall_groups', signal);
  return groups.filter(({ description }) => description === ownName(context)).map(({ id }) => id);
}

/** Identifiers of SSH keys of the machine's name. */
export async function ownKeys(context: Context, api: RestClient, signal: AbortSignal): Promise<string[]> {
  const keys = await pages<SshKey>(api, '/ssh-keys', 'ssh_keys', signal);
  return keys.filter(({ name }) => name === ownName(context)).map(({ id }) => id);
}
