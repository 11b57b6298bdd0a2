import { UsageError } from '../common/errors.ts';
import { printable } from '../common/printable.ts';

/** Reads the `host:port` of a flag; an IPv6 address in brackets. Throws a {@link UsageError}. */
export function hostAndPort(address: string, flag: string): { readonly host: string; readonly port: number } {
  const [, host = '', port = ''] = /^(\[[0-9a-fA-F:]+\]|[^:/\s[\]]+):(\d{1,5})$/.exec(address) ?? [];
  if (!(Number(port) >= 1 && Number(port) <= 65_535))
    throw new UsageError(`${flag} should be host:port, not "${printable(address)}"`, 'BAD_ADDRESS');
  return { host: host.replace(/^\[|\]$/g, ''), port: Number(port) };
}

/** Reads the engine's socket of a flag, `unix:///path`. Throws a {@link UsageError}. */
export function socketOf(address: string, flag: string): string {
  const path = address.replace(/^unix:\/\//, '');
  if (path.startsWith('/')) return path;
  throw new UsageError(`${flag} should be unix:///path, not "${printable(address)}"`, 'BAD_ADDRESS');
}
