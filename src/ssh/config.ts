import { join } from 'node:path';
import { matchesPatterns } from './known-hosts.ts';

/** What an ssh_config file says about one host; only what we use. */
export interface SshConfig {
  readonly hostName?: string;
  readonly user?: string;
  readonly port?: number;
  readonly identityFiles: readonly string[];
  readonly identitiesOnly: boolean;
  readonly knownHostsFiles: readonly string[];
  /** A jump host or proxy command: we cannot follow it, and going around it would be wrong. */
  readonly proxy?: string;
}

/**
 * Reads an ssh_config for one host: `Host` blocks, first value wins (`ssh_config(5)`). `Match` blocks other than
 * `Match all` and `Include` are passed over.
 */
export function parseSshConfig(text: string, host: string, home: string): SshConfig {
  const values = collect(text, host.toLowerCase());
  const first = (key: string): string | undefined => values.get(key)?.[0];
  const expand = (path: string): string => expandPath(path, home, host);
  const proxy = [first('proxyjump'), first('proxycommand')].find((value) => value !== undefined && value !== 'none');
  const port = Number(first('port'));
  const hostName = first('hostname')?.replaceAll('%h', host);
  const user = first('user');
  return {
    ...(hostName === undefined ? {} : { hostName }),
    ...(user === undefined ? {} : { user }),
    ...(port >= 1 && port <= 65_535 ? { port } : {}),
    ...(proxy === undefined ? {} : { proxy }),
    identityFiles: (values.get('identityfile') ?? []).map(expand),
    identitiesOnly: first('identitiesonly')?.toLowerCase() === 'yes',
    knownHostsFiles: (first('userknownhostsfile') ?? '').split(/\s+/).filter(Boolean).map(expand),
  };
}

function collect(text: string, host: string): ReadonlyMap<string, readonly string[]> {
  const values = new Map<string, string[]>();
  let applies = true;
  for (const line of text.split('\n')) {
    const match = /^\s*([A-Za-z][A-Za-z0-9]*)(?:\s*=\s*|\s+)(.*?)\s*$/.exec(line);
    if (!match) continue;
    const keyword = (match[1] ?? '').toLowerCase();
    const value = (match[2] ?? '').replace(/^"(.*)"$/, '$1');
    if (keyword === 'host') applies = matchesPatterns(value.toLowerCase().split(/\s+/), host);
    else if (keyword === 'match') applies = value.toLowerCase() === 'all';
    else if (applies) values.set(keyword, [...(values.get(keyword) ?? []), value]);
  }
  return values;
}

function expandPath(path: string, home: string, host: string): string {
  const expanded = path.replaceAll('%d', home).replaceAll('%h', host);
  if (expanded.startsWith('~/')) return join(home, expanded.slice(2));
  return expanded.startsWith('/') ? expanded : join(home, '.ssh', expanded);
}
