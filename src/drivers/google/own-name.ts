import type { DriverContext } from '../driver.ts';

/**
 * Name of the machine's instance and first firewall rule, and its network tag. It holds the machine's identifier, so that making one
 * again finds the same. Google: lower case letters, digits and dashes, at most 63.
 */
export function ownName({ name, id }: Pick<DriverContext, 'name' | 'id'>): string {
  return `enxame-${plainName(name).slice(0, 36)}-${plainName(id)}`.slice(0, 63);
}

/** Lower case letters, digits and dashes. */
export function plainName(text: string): string {
  return text.toLowerCase().replace(/[^a-z0-9-]/g, '-');
}
